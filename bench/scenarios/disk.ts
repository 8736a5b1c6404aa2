import { BROWSER } from '../clients.ts'
import { compare, type Result, rowOf } from '../compare.ts'
import { clicksStored, createLink } from '../product.ts'
import { startDatabase, startWaypost, temporaryFolder } from '../servers.ts'

const MEGABYTES = 2_000

/** Hits while another process writes to the same disk as fast as it can. */
export async function disk(): Promise<Result> {
  const database = await startDatabase()
  const waypost = await startWaypost({ DATABASE_URL: database.url, TRUSTED_PROXIES: '1' })
  try {
    const link = await createLink(waypost.url)
    const hit = { name: 'calm', url: `${waypost.url}/${link.short_code}`, headers: BROWSER, connections: 16 }
    const calm = [...(await compare([hit], { seconds: 4 })).values()][0]!
    const writer = Bun.spawn(
      [
        'sh',
        '-c',
        `while :; do dd if=/dev/zero of=${temporaryFolder()}/busy bs=1M count=${MEGABYTES} conv=fdatasync 2>/dev/null; done`,
      ],
      { stdout: 'ignore' },
    )
    const busy = [...(await compare([{ ...hit, name: 'with dd writing' }], { seconds: 4 })).values()][0]!
    Bun.spawnSync(['pkill', '-P', String(writer.pid)])
    writer.kill(9)
    await writer.exited
    const clicks = await clicksStored(waypost.url, database.url, link.id)
    return {
      scenario: 'disk',
      about: `16 connections, calm and while dd writes and syncs ${MEGABYTES} MB over and over on the journal's disk.`,
      rows: [rowOf('calm', calm), rowOf('with dd writing', busy)],
      ratios: [{ name: 'p99 with the disk busy / calm', value: busy.p99 / calm.p99 }],
      checks: [clicks],
    }
  } finally {
    await waypost.stop()
    await database.end()
  }
}
