import { join } from 'node:path'
import postgres from 'postgres'
import { serverBinaries } from '../../test/postgres.ts'
import type { Result } from '../compare.ts'
import { fillLinks } from '../product.ts'
import { startDatabase, temporaryFolder } from '../servers.ts'

const MAIN = join(import.meta.dir, '../../src/main.ts')

/** Import, backup and restore, next to psql's \copy into the same table, pg_dump and pg_restore. */
export async function bulk(links = 1_000_000, clicks = 10_000_000): Promise<Result> {
  const folder = temporaryFolder()
  await Bun.write(join(folder, 'urls.csv'), csvOf(links))
  const databases = await Promise.all(Array.from({ length: 5 }, startDatabase))
  const [imported, copied, full, restored, dumped] = databases.map(({ url }) => url) as [string, string, string, string, string]
  try {
    await waypost(['migrate'], copied)
    const copy = await measured([
      ...[program('psql'), '-q', '-d', copied, '-c'],
      `\\copy urls (id, short_code, original_url, title, created_at) from '${folder}/urls.csv' csv header`,
    ])
    const seed = await waypost(['seed', folder], imported)
    await waypost(['migrate'], full)
    await fillLinks(full, links)
    await fillClicks(full, links, clicks)
    const dump = await measured([program('pg_dump'), '-Fc', '-f', join(folder, 'dump'), full])
    const backup = await waypost(['backup', join(folder, 'backup')], full)
    const load = await measured([program('pg_restore'), '-d', dumped, join(folder, 'dump')])
    const restore = await waypost(['restore', join(folder, 'backup')], restored)
    const visible = Number(/ in ([\d.]+) s$/m.exec(seed.out)![1])
    const row = (name: string, { seconds, megabytes }: Measured, rows: number, s = seconds) => ({
      name,
      figures: {
        'rows/s': Math.round(rows / s),
        seconds: Math.round(s * 10) / 10,
        ...(name.startsWith('waypost') && { 'peak of the process, MB': megabytes }),
      },
    })
    return {
      scenario: 'bulk',
      about: `${links.toLocaleString('en')} links in a CSV file; then a database with as many and ${clicks.toLocaleString('en')} clicks.`,
      rows: [
        row('\\copy into urls, indexes growing', copy, links),
        row('waypost seed, until the links are visible', seed, links, visible),
        row('waypost seed, until the indexes are built', seed, links),
        row('pg_dump -Fc', dump, links + clicks),
        row('waypost backup', backup, links + clicks),
        row('pg_restore', load, links + clicks),
        row('waypost restore', restore, links + clicks),
      ],
      ratios: [
        { name: 'import, until visible: rows/s of \\copy', value: copy.seconds / visible, goal: 1 },
        { name: 'backup: rows/s of pg_dump', value: dump.seconds / backup.seconds, goal: 0.5 },
        { name: 'restore: rows/s of pg_restore', value: load.seconds / restore.seconds, goal: 0.5 },
      ],
      checks: [{ name: 'the import takes at most 300 MB', held: seed.megabytes <= 300, found: `${seed.megabytes} MB` }],
    }
  } finally {
    for (const database of databases) await database.end()
  }
}

type Measured = { seconds: number; megabytes: number; out: string }

const waypost = (args: string[], database: string) =>
  measured([process.execPath, '--no-env-file', MAIN, ...args], { DATABASE_URL: database, DATA_DIR: temporaryFolder() })

async function measured(command: string[], env: Record<string, string> = {}): Promise<Measured> {
  const started = performance.now()
  const child = Bun.spawn(command, { env: { PATH: process.env.PATH!, ...env }, stdout: 'pipe', stderr: 'inherit' })
  const out = await new Response(child.stdout).text()
  if ((await child.exited) !== 0) throw new Error(`${command.join(' ')}: ${out}`)
  const seconds = (performance.now() - started) / 1000
  return { seconds, megabytes: Math.round(child.resourceUsage()!.maxRSS / 2 ** 20), out }
}

const program = (name: string) => join(serverBinaries()!, name)

function csvOf(links: number): Blob {
  const parts = ['id,short_code,original_url,title,created_at\n']
  for (let from = 1; from <= links; from += 10_000)
    parts.push(
      Array.from({ length: Math.min(10_000, links - from + 1) }, (_, index) => {
        const n = from + index
        return `${n},c${n},https://www.example.com/page/${Bun.hash(String(n)).toString(36)}/${n},Page ${n},2026-01-01 10:00:00\n`
      }).join(''),
    )
  return new Blob(parts)
}

/** Clicks of this month, of all links alike. */
async function fillClicks(url: string, links: number, clicks: number) {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  await sql`insert into click_agents (browser, system, device, bot) select 'Browser ' || n, 'System', 'desktop', false from generate_series(1, 30) n`
  await sql`insert into click_referrers (host) select 'host-' || n || '.example' from generate_series(1, 500) n`
  for (let from = 1; from <= clicks; from += 1_000_000)
    await sql`
      insert into clicks (id, url_id, timestamp, referrer, agent)
      select nextval('event_ids'), 1 + (n * 7919::bigint) % ${links}::bigint, now(), 1 + n % 500, 1 + n % 30
      from generate_series(${from}::bigint, ${Math.min(from + 999_999, clicks)}::bigint) n`
  await sql.unsafe('vacuum analyze')
  await sql.end()
}
