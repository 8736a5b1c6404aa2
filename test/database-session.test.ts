// Whatever the role, the database or the server has set: what is stored and answered is the same.
import { afterAll, describe, expect, test } from 'bun:test'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { runCommand, startChild } from './child.ts'
import { databases } from './databases.ts'
import { serverBinaries, sharedCluster } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, UNLIMITED } from './server.ts'

const installed = serverBinaries() !== undefined || process.env.TEST_DATABASE_URL !== undefined
if (!installed) console.warn('SKIPPED: test/session.test.ts (PostgreSQL is not installed)')

/** What each does where it is not pinned: dates the other way round, numbers cut short, keys that are not known again, other rows found. */
const HOSTILE: Record<string, string> = {
  DateStyle: `'German, DMY'`,
  IntervalStyle: `'sql_standard'`,
  TimeZone: `'Asia/Kathmandu'`,
  extra_float_digits: '-15',
  bytea_output: `'escape'`,
  standard_conforming_strings: 'off',
  escape_string_warning: 'off',
  backslash_quote: 'on',
  array_nulls: 'off',
  transform_null_equals: 'on',
  quote_all_identifiers: 'on',
  gin_fuzzy_search_limit: '1',
  client_min_messages: `'error'`,
  client_encoding: `'LATIN1'`,
  default_transaction_isolation: `'serializable'`,
  default_transaction_deferrable: 'on',
  synchronous_commit: 'off',
  row_security: 'off',
  xmlbinary: `'hex'`,
  xmloption: `'document'`,
  check_function_bodies: 'off',
  statement_timeout: `'1ms'`,
  lock_timeout: `'1ms'`,
  idle_in_transaction_session_timeout: `'1ms'`,
  idle_session_timeout: `'50ms'`,
  lc_time: `'C.utf8'`,
  default_text_search_config: `'pg_catalog.german'`,
  enable_hashjoin: 'off',
}

const ends: (() => unknown)[] = []
afterAll(async () => {
  for (const end of ends.reverse()) await end()
})

async function onDatabase(url: string, work: (sql: postgres.Sql) => Promise<unknown>) {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  await work(sql).finally(() => sql.end({ timeout: 1 }))
}

/** A database of a role that may do nothing else. */
async function ownDatabase(): Promise<{ url: string; admin: string; role: string; name: string }> {
  const admin = await (await sharedCluster()).createDatabase()
  const name = new URL(admin).pathname.slice(1)
  const role = `${name}_role`
  await onDatabase(admin, async (sql) => {
    await sql.unsafe(`drop role if exists ${role}`)
    await sql.unsafe(`create role ${role} login password 'secret'`)
    await sql.unsafe(`alter database ${name} owner to ${role}`)
  })
  const url = Object.assign(new URL(admin), { username: role, password: 'secret' }).href
  ends.push(() =>
    onDatabase(admin.replace(/\/[^/]*$/, '/postgres'), async (sql) => {
      await sql.unsafe(`drop database ${name} with (force)`)
      await sql.unsafe(`drop role ${role}`)
    }),
  )
  return { url, admin, role, name }
}

const CSV = `id,user_id,short_code,original_url,title,is_active,created_at,updated_at
5001,,imported-1,https://example.com/ä,"Ein ""Titel"" \\ mit 'allem'",true,2025-07-31 22:25:05,2025-08-13 01:02:03
5002,,imported-2,https://example.com/2,,False,2025-12-24T23:59:59.999Z,2025-12-25 00:00:00
`

/** All that a visitor, an operator and a program do, and what they get: without ids, moments and secrets that differ by themselves. */
async function roundTrip(settings: Record<string, string>) {
  const server = await serveOn(
    { ...databases[0]!, settings: async () => ({ DATA_DIR: temporaryFolder(), ...settings }) },
    { ...UNLIMITED, ADMIN_TOKEN: 'a-token-of-the-operator', RATE_REDIRECT: 'off' },
  )
  try {
    const { body: user } = await server.post('/users', { username: 'Ada \\ O’Neill', email: 'Ada@example.com' })
    const { body: link } = await server.post('/urls', {
      original_url: 'https://example.com/a?b=\\c',
      short_code: 'thirteen',
      title: "It's\\n",
      user_id: user.id,
    })
    const form = new FormData()
    form.set('file', new File([CSV], 'urls.csv', { type: 'text/csv' }))
    const imported = await server.post('/urls/bulk', form)
    const event = await server.post('/events', {
      event_type: 'viewed',
      url_id: link.id,
      details: { note: 'back\\slash "quoted"', at: '2026-01-13', n: 0.1 },
    })
    const key = await server.post('/api/keys', { name: 'k', scope: 'read', expires_at: '2099-12-31' })
    const redirect = await server.get('/thirteen')
    const stats = await server.settled(`/urls/${link.id}/stats`)
    const byKey = await fetch(`${server.base}/urls/${link.id}`, { headers: { authorization: `Bearer ${key.body.key}` } })
    const blocked = await server.post('/api/blocklist', { host: 'evil.example' })
    const found = await server.get('/urls?q=imported')
    const listed = await server.get('/urls?per_page=100')
    const events = await server.get(`/events?url_id=${link.id}`)
    const exported = await server.get('/api/export/links.csv')
    await server.call('PATCH', `/urls/${link.id}`, { is_active: false })
    const { body: fleet } = await server.get('/api/fleet')
    const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/
    for (const moment of [user.created_at, link.created_at, event.body.timestamp, key.body.created_at, blocked.body.created_at])
      expect(moment).toMatch(iso)
    expect(Math.abs(Date.parse(link.created_at) - Date.now())).toBeLessThan(600_000)
    return {
      user: { ...user, id: 0, created_at: '' },
      link: { ...link, id: 0, user_id: 0, created_at: '', updated_at: '', short_url: '' },
      imported: [imported.status, imported.body.imported],
      rows: found.body.map((row: Record<string, unknown>) => ({ ...row, short_url: '' })),
      listed: listed.body.length,
      event: { ...event.body, id: 0, url_id: 0, timestamp: '' },
      events: events.body.map((one: { event_type: string; timestamp: string }) => one.event_type).sort(),
      key: [key.status, key.body.expires_at, byKey.status],
      redirect: redirect.headers.get('location'),
      clicks: [stats.body.clicks, stats.body.by_hour?.length, stats.body.by_day?.length],
      exported: exported.text.split('\n').filter((line) => line.includes('imported-')),
      blocked: [blocked.status, blocked.body.links],
      gone: (await server.get('/thirteen')).status,
      replicas: fleet.replicas.map(({ state }: { state: string }) => state),
      ready: (await server.get('/ready')).body.status,
    }
  } finally {
    await server.stop()
  }
}

/** Commands of an operator: a key that opens, a backup that is the same after it was put back. */
async function commands(from: string, into: string) {
  const env = { DATA_DIR: temporaryFolder() }
  const file = join(env.DATA_DIR, 'backup')
  const made = await runCommand(['key', 'create', 'cli', '--scope', 'admin'], { ...env, DATABASE_URL: from })
  expect({ code: made.code, err: made.err }).toEqual({ code: 0, err: expect.stringContaining('it is shown only once') })
  const listed = await runCommand(['key', 'list'], { ...env, DATABASE_URL: from })
  const backup = await runCommand(['backup', file], { ...env, DATABASE_URL: from })
  const restored = await runCommand(['restore', file], { ...env, DATABASE_URL: into })
  expect([listed.code, backup.code, backup.err.replace(/ in .*/s, ''), restored.code, restored.err]).toEqual([
    0,
    0,
    expect.stringMatching(/^backed up 1 users, 3 links, \d+ events/),
    0,
    '',
  ])
  const server = await startChild({ ...env, DATABASE_URL: into, AUTH: 'on' })
  try {
    const answer = await fetch(`${server.base}/urls?q=imported`, { headers: { authorization: `Bearer ${made.out.trim()}` } })
    return [answer.status, ((await answer.json()) as { created_at: string }[]).map(({ created_at }) => created_at).sort()]
  } finally {
    server.kill('SIGTERM')
    await server.exited
  }
}

describe.skipIf(!installed)('settings of others', () => {
  const settingsFor = (what: string) =>
    Object.entries(HOSTILE)
      .map(([name, value]) => `alter ${what} set ${name} to ${value};`)
      .join('\n')
  const hostile = async (where: 'database' | 'role') => {
    const made = await ownDatabase()
    await onDatabase(made.admin, (sql) =>
      sql.unsafe(settingsFor(where === 'database' ? `database ${made.name}` : `role ${made.role}`)).simple(),
    )
    return made
  }

  test('of the database and of an ordinary role change nothing', async () => {
    const plain = await ownDatabase()
    const expected = await roundTrip({ DATABASE_URL: plain.url })
    expect([expected.imported, expected.key, expected.clicks[0], expected.gone, expected.ready]).toEqual([
      [201, 2],
      [201, '2099-12-31T00:00:00Z', 200],
      1,
      404,
      'ready',
    ])
    expect(expected.rows.map(({ created_at }: { created_at: string }) => created_at).sort()).toEqual([
      '2025-07-31T22:25:05Z',
      '2025-12-24T23:59:59.999Z',
    ])
    const { url } = await hostile('role')
    expect(await roundTrip({ DATABASE_URL: url })).toEqual(expected)
    expect(await roundTrip({ DATABASE_URL: (await hostile('database')).url })).toEqual(expected)
    const into = await hostile('database')
    expect(await commands(url, into.url)).toEqual(await commands(plain.url, (await ownDatabase()).url))
  })

  test('of a file in the embedded cluster change nothing', async () => {
    const { DATA_DIR } = (await databases[0]!.settings()) as { DATA_DIR: string }
    const lines = ['DateStyle', 'TimeZone', 'bytea_output', 'quote_all_identifiers', 'extra_float_digits', 'array_nulls'].map(
      (name) => `${name} = ${HOSTILE[name]}\n`,
    )
    appendFileSync(join(DATA_DIR, 'pg18', 'postgresql.conf'), lines.join(''))
    const { rows, key, ready } = await roundTrip({ DATA_DIR })
    expect([key, ready, rows.map(({ created_at }: { created_at: string }) => created_at).sort()]).toEqual([
      [201, '2099-12-31T00:00:00Z', 200],
      'ready',
      ['2025-07-31T22:25:05Z', '2025-12-24T23:59:59.999Z'],
    ])
  })

  const migrate = (DATABASE_URL: string) => runCommand(['migrate'], { DATA_DIR: temporaryFolder(), DATABASE_URL })
  const others = (url: string, work: (sql: postgres.Sql) => Promise<unknown>) => onDatabase(url, work)

  test.each([
    ['another encoding', /^waypost: the database \S+ has the encoding LATIN1, and waypost needs UTF8: [^\n]+\n$/, ''],
    [
      'triggers that are off',
      /^waypost: session_replication_role is replica in the database \S+, so its triggers are off: [^\n]+\n$/,
      `set session_replication_role to 'replica'`,
    ],
    ['no schema', /^waypost: search_path leads to no schema of the database \S+: [^\n]+\n$/, `set search_path to 'nowhere'`],
    [
      'no writes',
      /^waypost: the database is not reachable: \S+ accepts no writes: default_transaction_read_only is on\n$/,
      'set default_transaction_read_only to on',
    ],
  ])('%s: a sentence, and the end', async (_, sentence, change) => {
    const { url, admin, name } = await ownDatabase()
    if (change) await others(admin, (sql) => sql.unsafe(`alter database ${name} ${change}`))
    else
      await others(admin.replace(/\/[^/]*$/, '/postgres'), async (sql) => {
        await sql.unsafe(`drop database ${name}`)
        await sql.unsafe(`create database ${name} encoding 'LATIN1' locale 'C' template template0`)
      })
    const ended = await migrate(change ? url : admin)
    expect([ended.code, ended.err]).toEqual([1, expect.stringMatching(sentence)])
  })

  test('a server does not start on such a database, and says why', async () => {
    const { admin, name } = await ownDatabase()
    await others(admin, (sql) => sql.unsafe(`alter database ${name} set session_replication_role to 'replica'`))
    const ended = await runCommand(['serve', '--port', '0'], { DATA_DIR: temporaryFolder(), DATABASE_URL: admin })
    expect([ended.code, ended.err]).toEqual([1, expect.stringMatching(/^waypost: session_replication_role is replica/)])
  })

  test('a search_path that leads elsewhere finds the tables that are there, or says where they are', async () => {
    const { url, admin, name, role } = await ownDatabase()
    expect((await migrate(url)).code).toBe(0)
    const tables = () =>
      others(admin, async (sql) => {
        const found =
          await sql`select table_schema as schema from information_schema.tables where table_name in ('urls', 'events_2099_01')`
        expect(found.map(({ schema }) => schema)).toEqual(Array(found.length).fill('public'))
      })
    await others(admin, (sql) => sql.unsafe(`create schema ${role} authorization ${role}`)) // before public in "$user", public
    expect((await migrate(url)).out).toStartWith('nothing to do')
    const server = await serveOn({ ...databases[0]!, settings: async () => ({ DATA_DIR: temporaryFolder(), DATABASE_URL: url }) })
    await server.database.run((sql) => sql`select create_events_partition('2099-01-01 00:00:00+00')`)
    await server.stop()
    await tables()

    await others(admin, (sql) => sql.unsafe(`alter database ${name} set search_path to ${role}`))
    const ended = await migrate(url)
    expect([ended.code, ended.err]).toEqual([
      1,
      expect.stringMatching(
        new RegExp(
          `^waypost: the tables of waypost are in the schema public of the database ${name}, and search_path leads to ${role}: `,
        ),
      ),
    ])
    expect((await migrate(`${url}?options=-csearch_path%3Dpublic`)).out).toStartWith('nothing to do')
    await tables()
    expect((await migrate(`${url}?options=-csearch_path%3D${role}`)).out).toStartWith('applied 0001') // a new one, on purpose
  })
})
