// The fleet that users are let loose on: PostgreSQL, nginx and three replicas on this machine, from the files of deploy/.
import postgres from 'postgres'
import { type Cluster, startCluster } from '../../deploy/cluster/cluster.ts'
import { until } from '../../test/until.ts'
import { fillLinks } from '../product.ts'
import { openWorkload, startUsers } from './users.ts'
import type { Workload } from './workload.ts'

const LINKS = 10_000
const WARM = 5_000

/** Runs `work` on a fleet that holds 10,000 links and was warmed by 50 users for five seconds; ends the fleet. */
export async function onFleet<T>(work: (fleet: { cluster: Cluster; url: URL; workload: Workload }) => Promise<T>): Promise<T> {
  const cluster = await startCluster()
  try {
    await fillLinks(cluster.database, LINKS)
    const url = new URL(cluster.nginx)
    const workload = await openWorkload(url, cluster.adminToken)
    const warming = startUsers(url, workload, 50)
    await Bun.sleep(WARM)
    await warming.stop()
    return await work({ cluster, url, workload })
  } finally {
    await cluster.stop()
  }
}

/** Clicks stored for the links of the load test, by the database. */
export async function storedClicks(cluster: Cluster): Promise<number> {
  const sql = postgres(cluster.database, { max: 1 })
  const [row] = await sql`select coalesce(sum(clicks), 0)::int as clicks from link_totals`
  await sql.end()
  return row!.clicks
}

/** Clicks stored since there were `before` of them, awaited until they are `answered` and no more come: more than that would be clicks counted twice. */
export async function clicksSince(cluster: Cluster, before: number, answered: number): Promise<number> {
  await until('every click is stored', async () => (await storedClicks(cluster)) - before >= answered, 30_000).catch(() => {})
  await Bun.sleep(1_000)
  return (await storedClicks(cluster)) - before
}
