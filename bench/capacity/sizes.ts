import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { until } from '../../test/until.ts'
import { BROWSER } from '../clients.ts'
import { ceiling } from '../load.ts'
import { figureOf, fillLinks } from '../product.ts'
import { memoryOf, startDatabase, startWaypost } from '../servers.ts'

export const LINKS = 200_000
export const CONNECTIONS = 2_000

/** Bytes of a link, a click and a connection, on disk and in memory. */
export async function sizesOf(): Promise<Record<string, number>> {
  const database = await startDatabase()
  const sql = postgres(database.url, { max: 1, onnotice: () => {} })
  const first = await startWaypost({ DATABASE_URL: database.url })
  const empty = await settledMemory(first.pid)
  const held = await idleConnections(first.url, CONNECTIONS)
  const crowded = await settledMemory(first.pid)
  await held.close()
  const bytes = async (...tables: string[]) => {
    const [row] =
      await sql`select sum(pg_total_relation_size(c.oid))::float8 as bytes from pg_class c where c.relkind = 'r' and c.relname ~ ${`^(${tables.join('|')})$`}`
    return row!.bytes as number
  }
  const urlsBefore = await bytes('urls')
  await fillLinks(database.url, LINKS)
  const urls = ((await bytes('urls')) - urlsBefore) / LINKS
  await first.stop()
  const full = await startWaypost({ DATABASE_URL: database.url })
  await until('the copy is whole', async () => (await figureOf(full.url, 'waypost_edge_links')) >= LINKS, 120_000)
  const edge = sizeOf(join(full.folder, 'replicas'), /^edge.*\.sqlite$/) / LINKS
  const filled = await settledMemory(full.pid)

  const counters = ['link_totals', 'click_series', 'click_breakdowns']
  const before = { clicks: await bytes('clicks_.*'), counters: await bytes(...counters) }
  const load = await ceiling({ url: full.url, codes: LINKS, seconds: 15, headers: BROWSER })
  await until('every click is stored', async () => (await figureOf(full.url, 'waypost_clicks_backlog')) === 0, 120_000)
  await until(
    'every click is counted',
    async () => {
      const [row] = await sql`select count(*)::int as n from clicks where id > (select watermark from click_rollup)`
      return row!.n === 0
    },
    300_000,
  )
  const [sessions] =
    await sql`select count(*)::int as count from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`
  const [made] = await sql`select sum(clicks)::float8 as clicks, count(*)::float8 as links from link_totals`
  const result = {
    'link in PostgreSQL, indexes included, bytes': urls,
    'link in the edge copy, bytes': edge,
    'click as an event in PostgreSQL, bytes': ((await bytes('clicks_.*')) - before.clicks) / made!.clicks,
    'counters of a link clicked within a quarter of an hour, bytes': ((await bytes(...counters)) - before.counters) / made!.links,
    'connections to PostgreSQL of a busy replica': sessions!.count,
    'replica just started, MB': empty,
    'link in the memory of a replica that has the copy, bytes': ((filled - empty) * 2 ** 20) / LINKS,
    'idle connection in a replica, KB': ((crowded - empty) * 1024) / CONNECTIONS,
    'replica after 15 s at its ceiling, without pages of files, MB': await settledMemory(full.pid),
    'redirects a second of one replica, over all these links, while clicks are stored': load.rate,
  }
  await sql.end()
  await full.stop()
  await database.end()
  return result
}

async function settledMemory(pid: number): Promise<number> {
  await Bun.sleep(3_000)
  const { all, files } = await memoryOf(pid)
  return all - files
}

/** Connections that have asked once and then wait. */
async function idleConnections(url: string, count: number) {
  const { hostname, port } = new URL(url)
  let answered = 0
  const sockets: { terminate: () => void }[] = []
  for (let i = 0; i < count; i++)
    sockets.push(
      await Bun.connect({
        hostname,
        port: Number(port),
        socket: { open: (s) => void s.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n'), data: () => void answered++ },
      }),
    )
  await until('all are answered', async () => answered >= count, 20_000)
  return { close: async () => sockets.forEach((socket) => socket.terminate()) }
}

function sizeOf(folder: string, name: RegExp): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (file) => file.isFile() && name.test(file.name),
  )
  return files.reduce((sum, file) => sum + statSync(join(file.parentPath, file.name)).size, 0)
}
