// Backups: taken of an embedded database while it serves, put back into a PostgreSQL outside, and from there into an embedded one again.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { backup } from '../src/commands/backup.ts'
import { restore } from '../src/commands/restore.ts'
import { readConfig } from '../src/config/config.ts'
import type { Database } from '../src/database/guard.ts'
import { newestSchema } from '../src/database/migrate.ts'
import { openDatabase } from '../src/database/open.ts'
import { TABLES } from '../src/server/resources.ts'
import { runCommand, startChild } from './child.ts'
import { databases, quiet } from './databases.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer } from './server.ts'

setDefaultTimeout(180_000)
const ADMIN_TOKEN = 'an-operators-long-token'
const [embedded, external] = databases
const folder = temporaryFolder()
const file = join(folder, 'waypost.backup')

describe.skipIf(!external)('a backup of the embedded database', () => {
  let server: TestServer
  let source: Record<string, string>
  let outside: Record<string, string>
  let link: { id: number; short_code: string }

  beforeAll(async () => {
    server = await serveOn(embedded!, { ADMIN_TOKEN })
    source = { DATA_DIR: server.config.DATA_DIR, ADMIN_TOKEN }
    outside = { ...(await external!.settings()) }
    await server.post('/users', { username: 'Zoë “\\n”', email: 'zoe@example.com' })
    link = (
      await server.post('/urls', { original_url: 'https://example.com/a\\b?q=ü', user_id: 1, title: 'tab\tline\n"quoted" {1,2}' })
    ).body
    const gone = (await server.post('/urls', { original_url: 'https://example.com/gone', short_code: 'gone-for-good' })).body
    await server.call('DELETE', `/urls/${gone.id}`)
    await server.post('/api/blocklist', { host: 'evil.example' })
    for (let n = 0; n < 30; n++) await fetch(`${server.base}/${link.short_code}`, { redirect: 'manual' })
    await server.database.run(
      (sql) => sql`
      insert into urls (short_code, original_url) select 'bulk-' || n, 'https://example.com/' || n from generate_series(1, 5000) n`,
    )
    expect((await server.post(`/urls/${link.id}/aliases`, { code: 'an-alias' })).status).toBe(201)
    await server.settled(`/urls/${link.id}/stats`) // the clicks are stored
    await server.post('/api/keys', { name: 'of before', scope: 'read' })
  })
  afterAll(() => server.stop())

  test('names every table that is kept, once', async () => {
    const { database } = server
    const kept = await database.run(
      (sql) => sql<{ name: string }[]>`
        select relname as name from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and relpersistence = 'p' and not relispartition`,
    )
    const momentary = ['imports', 'lease_epoch', 'schema_migrations']
    expect([...Object.keys(TABLES), ...momentary].sort()).toEqual(kept.map(({ name }) => name).sort())
    const sequences = await database.run(
      (sql) => sql<{ name: string }[]>`select relname as name from pg_class where relkind = 'S'`,
    )
    const named = Object.values(TABLES).flatMap(({ sequence = [] }) => sequence)
    expect([...named, 'imports_id_seq'].sort()).toEqual(sequences.map(({ name }) => name).sort())
  })

  test('is taken while it serves, readable by its owner alone, and leaves nothing else', async () => {
    const { code, err } = await runCommand(['backup', file], source)
    expect([code, err]).toEqual([
      0,
      expect.stringMatching(/^backed up 1 users, 5003 links, \d+ events in [\d.]+ s, [\d,]+ kB\n$/),
    ])
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect([readdirSync(folder), existsSync(join(source.DATA_DIR!, 'copy'))]).toEqual([['waypost.backup'], false])
    const [first] = gunzipSync(readFileSync(file)).toString().split('\n')
    expect(JSON.parse(first!)).toMatchObject({ waypost: 'backup', format: 2, schema: newestSchema, database: 'embedded' })
    expect((await server.get(`/${link.short_code}`)).status).toBe(302)
  })

  test('is not put back where a server runs', async () => {
    expect(await refusal(restore(readConfig(source, {}), file, true))).toContain('another waypost is using')
  })

  test('is not made of nothing', async () => {
    const DATA_DIR = join(folder, 'nothing')
    expect(await refusal(backup(readConfig({ DATA_DIR }, {}), file))).toContain(`there is no database in ${DATA_DIR}`)
    expect(existsSync(DATA_DIR)).toBe(false)
  })

  test('restores into an external PostgreSQL row by row, and continues from there', async () => {
    const before = await rowsOf(server.database)
    await backup(readConfig(source, {}), file)
    const { code, out, err } = await runCommand(['restore', file], outside)
    expect([code, out, err]).toEqual([
      0,
      expect.stringMatching(/^restored 1 users, 5003 links, \d+ events of \S+Z in [\d.]+ s\n$/),
      '',
    ])
    const restored = await open(outside)
    expect(await rowsOf(restored)).toEqual(before)
    expect(await shapeOf(restored)).toEqual(await shapeOf(server.database))
    await restored.close()

    const next = await startChild({ ...outside, AUTH: 'off' })
    expect((await next.call('GET', `/urls/${link.id}/stats`)).body.clicks).toBe(31)
    expect((await next.call('GET', `/${link.short_code}`)).status).toBe(302)
    await next.call('PATCH', `/urls/${link.id}`, { original_url: 'https://example.com/since' })
    const { headers } = await fetch(`${next.base}/an-alias`, { method: 'HEAD', redirect: 'manual' }) // no click
    expect(headers.get('location')).toBe('https://example.com/since')
    const made = (await next.call('POST', '/urls', { original_url: 'https://example.com/next' })).body
    expect(made.id).toBe(5004)
    expect((await next.call('POST', '/urls', { original_url: 'https://example.com/', short_code: 'gone-for-good' })).status).toBe(
      409,
    )
    expect((await next.call('POST', '/urls', { original_url: 'https://evil.example/' })).status).toBe(400)
    expect(await refusal(restore(readConfig(outside, {}), file, true))).toContain('a replica runs on this database')
    next.kill('SIGTERM')
    await next.exited
  })

  test('replaces existing data only on request', async () => {
    const { code, err } = await runCommand(['restore', file], outside)
    expect([code, err]).toEqual([
      1,
      'waypost: the database is not empty: add --replace to replace everything in it by the backup\n',
    ])
    await restore(readConfig(outside, {}), file, true)
    const restored = await open(outside)
    expect(await restored.run((sql) => sql`select id from urls where id > 5003`)).toHaveLength(0)
    await restored.close()
  })

  test('damaged anywhere, or of a newer release, changes nothing', async () => {
    const whole = readFileSync(file)
    const text = gunzipSync(whole).toString()
    const cases: [string, Buffer, string][] = [
      ['cut', whole.subarray(0, whole.length >> 1), 'is damaged or incomplete'],
      ['changed', gzipSync(text.replace('example.com/77\t', 'example.com/78\t')), 'its checksum is wrong'],
      ['without its end', gzipSync(text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1)), 'its checksum is wrong'],
      ['something else', Buffer.from('id,username\n1,zoe\n'), 'is not a backup'],
      [
        'newer',
        gzipSync(text.replace(`"schema":${newestSchema}`, '"schema":99')),
        `with schema version 99; this release knows version ${newestSchema}`,
      ],
    ]
    const restored = await open(outside)
    const before = await rowsOf(restored)
    for (const [name, bytes, sentence] of cases) {
      const bad = join(folder, 'bad')
      writeFileSync(bad, bytes)
      expect([name, await refusal(restore(readConfig(outside, {}), bad, true))]).toEqual([
        name,
        expect.stringContaining(sentence),
      ])
    }
    expect(await rowsOf(restored)).toEqual(before)
    await restored.close()
  })

  test('of the PostgreSQL outside goes back into an embedded one, which serves it', async () => {
    const back = join(folder, 'outside.backup')
    const home = { DATA_DIR: (await embedded!.settings()).DATA_DIR! }
    await backup(readConfig(outside, {}), back)
    await restore(readConfig(home, {}), back, false)
    expect(readdirSync(home.DATA_DIR).filter((name) => /restored|old/.test(name))).toEqual([])
    const [there, here] = [await open(outside), await open(home)]
    expect(await rowsOf(here)).toEqual(await rowsOf(there))
    await Promise.all([there.close(), here.close()])

    const moved = await startChild({ ...home, AUTH: 'off' })
    for (let n = 0; n < 50; n++) await fetch(`${moved.base}/${link.short_code}`, { redirect: 'manual' })
    moved.kill('SIGKILL') // the last clicks are in its journal alone
    await moved.exited
    await backup(readConfig(home, {}), back)
    const [, totals] = /^\{"table":"link_totals".*\n([\s\S]*?)^\\\.$/m.exec(gunzipSync(readFileSync(back)).toString())!
    // 31 of the backup, one that came after it, and was stored again from its journal, and these.
    expect(totals).toMatch(new RegExp(`^${link.id}\t82\t`, 'm'))
  })
})

describe.each(databases)('into the $name database', (kind) => {
  test('a backup of release 0.1.0 is restored', async () => {
    const lines = [
      {
        waypost: 'backup',
        format: 1,
        release: '0.1.0',
        schema: 1,
        made_at: '2026-11-21T10:00:00.000Z',
        database: 'embedded',
        months: ['2026-11'],
        sequences: { users_id_seq: 1, urls_id_seq: 8 },
      },
      { table: 'users', columns: ['id', 'username', 'email', 'created_at'] },
      { id: 1, username: 'Zoë\t\\N', email: 'zoe@example.com', created_at: '2026-11-01T10:00:00+00:00' },
      {
        table: 'urls',
        columns: ['id', 'user_id', 'short_code', 'original_url', 'title', 'is_active', 'created_at', 'updated_at'],
      },
      ...[7, 8].map((id) => ({
        id,
        user_id: 1,
        short_code: `code-${id}`,
        original_url: `https://example.com/${id}`,
        title: '\\.',
        is_active: true,
        created_at: '2026-11-01T10:00:00+00:00',
        updated_at: '2026-11-01T10:00:00+00:00',
      })),
      { table: 'link_totals', columns: ['url_id', 'clicks', 'bots'] },
      { url_id: 7, clicks: 3, bots: 0 },
    ]
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
    const hash = new Bun.CryptoHasher('sha256').update(text).digest('hex')
    const old = join(folder, `of-0.1.0-for-${kind.name}`)
    writeFileSync(old, gzipSync(`${text}{"sha256":"${hash}"}\n`))
    const settings = await kind.settings()
    await restore(readConfig(settings, {}), old, true)
    const restored = await open(settings)
    const found = await restored.run((sql) =>
      sql.unsafe(
        'select u.id, short_code, title, username, clicks from urls u join users on users.id = user_id left join link_totals on url_id = u.id order by 1',
      ),
    )
    expect([...found]).toEqual([
      { id: 7, short_code: 'code-7', title: '\\.', username: 'Zoë\t\\N', clicks: 3 },
      { id: 8, short_code: 'code-8', title: '\\.', username: 'Zoë\t\\N', clicks: null },
    ] as never)
    await restored.close()
  })
})

const refusal = (work: Promise<void>) =>
  work.then(
    () => 'it was done',
    ({ message }: Error) => message,
  )

async function open(settings: Record<string, string>) {
  const database = await openDatabase(readConfig(settings, {}), quiet().log)
  await new Promise<void>((up) => database.onUp(up))
  return database
}

/** The indexes and constraints of every table. */
async function shapeOf(database: Database): Promise<string[]> {
  const found = await database.run(
    (sql) => sql<{ text: string }[]>`
      select pg_get_indexdef(indexrelid) as text from pg_index where indisvalid and indrelid::regclass::text = any(${Object.keys(TABLES)})
      union all select conname || ' ' || pg_get_constraintdef(oid) from pg_constraint where contype <> 'n' and conrelid::regclass::text = any(${Object.keys(TABLES)})`,
  )
  return found.map(({ text }) => text).sort()
}

/** What is to be the same afterwards: of every table, its rows as text. */
async function rowsOf(database: Database): Promise<Record<string, string[]>> {
  const rows: Record<string, string[]> = {}
  for (const [table, { leftOut = [] }] of Object.entries(TABLES)) {
    const found = await database.run((sql) =>
      sql.unsafe<{ row: string }[]>(`select (to_jsonb(t) - $1::text[])::text as row from ${table} t order by 1`, [leftOut]),
    )
    rows[table] = found.map(({ row }) => row)
  }
  return rows
}
