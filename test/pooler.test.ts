// DATABASE_URL through PgBouncer: ready and not flapping, whatever is asked at once, with each session as it must be.
import { afterAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import postgres from 'postgres'
import { runCommand } from './child.ts'
import { databases } from './databases.ts'
import { hasPgBouncer, startPgBouncer } from './pgbouncer.ts'
import { serverBinaries, sharedCluster } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, UNLIMITED } from './server.ts'
import { until } from './until.ts'

const possible = hasPgBouncer && (serverBinaries() !== undefined || process.env.TEST_DATABASE_URL !== undefined)
if (!possible) console.warn('SKIPPED: test/pooler.test.ts (PgBouncer or PostgreSQL is not installed)')

const ends: (() => unknown)[] = []
afterAll(async () => {
  for (const end of ends.reverse()) await end()
})

const IGNORING =
  'ignore_startup_parameters = extra_float_digits,statement_timeout,lock_timeout,idle_in_transaction_session_timeout,idle_session_timeout,' +
  'intervalstyle,timezone_abbreviations,bytea_output,array_nulls,transform_null_equals,quote_all_identifiers,gin_fuzzy_search_limit,' +
  'client_min_messages,default_transaction_isolation,default_transaction_deferrable,waypost.session,options,search_path'

async function query(url: string, text: string) {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  return sql.unsafe(text).finally(() => sql.end({ timeout: 1 }))
}

const serve = (settings: Record<string, string>) =>
  serveOn({ ...databases[0]!, settings: async () => ({ DATA_DIR: temporaryFolder(), ...settings }) }, UNLIMITED)

describe.skipIf(!possible)('through PgBouncer', () => {
  test.each([
    ['session', 'as it comes', '', false],
    ['transaction', 'as it comes', '', false],
    ['transaction', 'ignoring what it does not know', IGNORING, true],
  ] as const)('in %s mode, %s, every call is answered under load', async (mode, _, more, isDirect) => {
    const url = await (await sharedCluster()).createDatabase()
    const name = new URL(url).pathname.slice(1)
    await query(
      url,
      `alter database ${name} set datestyle to 'German'; alter database ${name} set bytea_output to 'escape';
       alter database ${name} set default_transaction_isolation to 'serializable'; alter database ${name} set client_min_messages to 'error'`,
    )
    const pooler = await startPgBouncer(url, mode, more)
    ends.push(pooler.end)
    const settings = { DATABASE_URL: pooler.url, ...(isDirect && { DATABASE_DIRECT_URL: url }) }
    const server = await serve(settings)
    const second = await serve(settings)
    ends.push(() => Promise.all([server.stop(), second.stop()]))

    const statuses = new Map<number, number>()
    const count = ({ status }: { status: number }) => statuses.set(status, (statuses.get(status) ?? 0) + 1)
    const codes: string[] = []
    let first = 0
    await Promise.all(
      Array.from({ length: 12 }, async (_, lane) => {
        for (let n = 0; n < 25; n++) {
          const short_code = `lane-${lane}-${n}`
          const made = await server.post('/urls', { original_url: `https://example.com/${short_code}`, short_code, title: 'É' })
          count(made)
          codes.push(short_code)
          first ||= made.body.id
          count(await server.get(`/urls?q=lane-${lane}`))
          count(await server.get(`/urls?sort=relevance&q=lane-${lane}`))
          count(await server.get(`/urls/${made.body.id}/stats`))
          count(await server.call('PATCH', `/urls/${made.body.id}`, { title: `it's ${n}` }))
          count(await server.get('/events?per_page=5'))
          count(await server.get('/users'))
        }
      }),
    )
    expect([...statuses.keys()].sort()).toEqual([200, 201])
    expect(server.database.figures()).toMatchObject({ renewals: 0, lost: 0, moves: 0 })
    expect(server.database.health.now()).not.toBe('unreachable') // a busy machine makes it slow
    const { body: link } = await server.get(`/urls/${first}`)
    expect(link).toMatchObject({ created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/), title: `it's 0` })

    const output = await server.database.transaction(async (sql) => {
      const [row] = await sql<{ output: string }[]>`select current_setting('bytea_output') as output`
      return row!.output
    })
    expect(output).toBe('hex')

    for (const code of codes.slice(0, 50)) expect((await server.get(`/${code}`)).status).toBe(302)
    expect((await server.settled(`/urls/${link.id}/stats`)).body.clicks).toBe(1)
    const csv = `short_code,original_url\n${Array.from({ length: 3_000 }, (_, n) => `row-${n},https://example.com/${n}`).join('\n')}\n`
    const form = new FormData()
    form.append('file', new File([csv], 'urls.csv'))
    expect((await server.post('/urls/bulk', form)).body).toMatchObject({ imported: 3_000 })

    // A change on the other replica is obeyed, by its notice or by asking.
    await until('the second knows the link', async () => (await second.get(`/${codes[0]}`)).status === 302)
    expect((await server.call('PATCH', `/urls/${link.id}`, { is_active: false })).status).toBe(200)
    await until('the change is obeyed', async () => (await second.get(`/${codes[0]}`)).status === 404)
    await until(
      'both are ready',
      async () => (await second.get('/ready')).body.status === 'ready' && (await server.get('/ready')).body.status === 'ready',
    )

    const key = await server.post('/api/keys', { name: 'k', scope: 'admin' })
    const listed = await fetch(`${server.base}/urls?per_page=1`, { headers: { authorization: `Bearer ${key.body.key}` } })
    expect(listed.status).toBe(200)

    const sessions = await query(
      url,
      `select count(*)::int as n from pg_stat_activity where datname = '${name}' and query ilike 'listen%'`,
    )
    expect(sessions[0]!.n).toBe(isDirect ? 2 : 0)
    const left = await query(
      pooler.url,
      `select current_setting('statement_timeout') as timeout, current_setting('bytea_output') as output`,
    )
    expect({ ...left[0] }).toEqual({ timeout: '0', output: 'escape' }) // nothing of ours stays in a session of others
  })

  test('commands work, and a connection that goes is not an outage for long', async () => {
    const url = await (await sharedCluster()).createDatabase()
    const pooler = await startPgBouncer(url, 'transaction')
    ends.push(pooler.end)
    const env = { DATA_DIR: temporaryFolder(), DATABASE_URL: pooler.url }
    expect((await runCommand(['migrate'], env)).code).toBe(0)
    const server = await serve({ DATABASE_URL: pooler.url })
    ends.push(server.stop)
    await server.post('/urls', { original_url: 'https://example.com/', short_code: 'kept' })
    await query(
      url,
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    )
    await until(
      'changes again',
      async () => (await server.post('/urls', { original_url: 'https://example.com/' })).status === 201,
    )
    const file = join(env.DATA_DIR, 'backup')
    const backup = await runCommand(['backup', file], env)
    expect([backup.code, backup.err]).toEqual([0, expect.stringMatching(/^backed up 0 users, [2-9] links/)])
    const into = await (await sharedCluster()).createDatabase()
    const other = await startPgBouncer(into, 'transaction')
    ends.push(other.end)
    const restored = await runCommand(['restore', file], { ...env, DATABASE_URL: other.url })
    expect([restored.code, restored.err]).toEqual([0, ''])
  })
})
