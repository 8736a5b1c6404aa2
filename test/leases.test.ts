// Leases of max_clicks under conditions that click-limits.test.ts does not meet: other limits of the same link, and late statements.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import postgres, { type Sql } from 'postgres'
import { forgetLeases, settleLeases } from '../src/clicks/store.ts'
import { anyDatabase } from './databases.ts'
import { type Cluster, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer } from './server.ts'
import { until } from './until.ts'

const BROWSER = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0' }
const original_url = 'https://example.com/limited'

describe('a link whose limit is lowered', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(anyDatabase)
  })
  afterAll(() => server.stop())

  const visit = async (code: string) => (await fetch(`${server.base}/${code}`, { redirect: 'manual', headers: BROWSER })).status

  const make = async (short_code: string) =>
    (await server.post('/urls', { original_url, short_code, max_clicks: 100 })).body.id as number
  const lower = (id: number, max_clicks: number) => server.call('PATCH', `/urls/${id}`, { max_clicks })
  const limitOf = async (id: number) =>
    (await server.database.run((sql) => sql<{ click_limit: number }[]>`select click_limit from urls where id = ${id}`))[0]!
      .click_limit

  test('gives the limit a new name each time, so that leases of the old one are void', async () => {
    const id = await make('named')
    const names = [await limitOf(id)]
    for (const max_clicks of [90, 80, null, 70, 60]) {
      await server.call('PATCH', `/urls/${id}`, { max_clicks })
      const name = await limitOf(id)
      if (max_clicks === null) expect(name).toBeNull()
      else names.push(name)
    }
    expect(names).toEqual([...new Set(names)].sort((a, b) => a - b))
  })

  test('counts each click once, and redirects exactly as often as the new limit says', async () => {
    const id = await make('lowered')
    const stored = (clicks: number) =>
      until(`${clicks} clicks are stored`, async () => (await server.get(`/urls/${id}`)).body.click_count === clicks)
    for (let i = 0; i < 10; i++) expect(await visit('lowered')).toBe(302)
    await stored(10)
    await lower(id, 80)
    await lower(id, 50)
    let redirects = 10
    for (let last = 302; last !== 410; ) {
      last = await visit('lowered')
      if (last === 302) redirects++
      else if (last !== 410) await Bun.sleep(20)
      if (redirects % 10 === 0) await stored(redirects)
    }
    expect(redirects).toBe(50)
  })
})

const installed = serverBinaries() !== undefined
if (!installed) console.warn('SKIPPED: late statements of leases (PostgreSQL is not installed)')

describe.skipIf(!installed)('a lease of PostgreSQL', () => {
  let cluster: Cluster
  let server: TestServer
  let sql: Sql
  beforeAll(async () => {
    cluster = await openCluster({ own: true })
    const url = await cluster.createDatabase()
    sql = postgres(url, { max: 2, onnotice: () => {} })
    const settings = async () => ({ DATA_DIR: temporaryFolder(), DATABASE_URL: url })
    server = await serveOn({ name: 'external', settings, open: () => Promise.reject() })
  })
  afterAll(async () => {
    await server?.stop()
    await sql?.end()
    await cluster?.end()
  })

  test('is one of a database whose identity is known before the first lease: a standby that missed that one waits, too', async () => {
    const [epoch] = await sql`select identity is not null as known, since = '-infinity' as never from lease_epoch`
    expect(epoch).toEqual({ known: true, never: true })
  })

  test('of a limit that was removed takes its late clicks: they do not count under the next limit', async () => {
    const { id } = (await server.post('/urls', { original_url, max_clicks: 2 })).body
    const journal = Bun.randomUUIDv7()
    const change = (max_clicks: number | null) => server.call('PATCH', `/urls/${id}`, { max_clicks })
    const lease = async (spent: number) => {
      const [row] = await sql`
        select (l).granted::int, (l).total::int from urls u, lease_clicks(u.id, u.click_limit, ${journal}, ${spent + 1}, ${spent}, 1, null) as l where u.id = ${id}`
      return row
    }
    expect(await lease(0)).toEqual({ granted: 1, total: 1 })
    expect(await lease(1)).toEqual({ granted: 1, total: 2 })
    await change(null)
    expect((await change(2)).body.clicks_left).toBe(2)
    expect(await lease(0)).toEqual({ granted: 1, total: 1 })
    await sql`select record_spent(${journal}, ${[id]}::bigint[], '{2}')`
    expect(await lease(1)).toEqual({ granted: 1, total: 2 })
    await sql`select record_spent(${journal}, ${[id]}::bigint[], '{1}')`
    expect(await lease(2)).toEqual({ granted: 0, total: 2 })
    await sql`select settle_leases(${journal}, 100)` // one of the four clicks is not stored
    expect((await server.get(`/urls/${id}`)).body.clicks_left).toBe(1)
  })

  test('that is returned late is not returned if more was leased in the meantime: else it would be spent twice', async () => {
    const make = async (short_code: string) =>
      (await server.post('/urls', { original_url, short_code, max_clicks: 100 })).body.id as number
    const visit = async (code: string) => (await fetch(`${server.base}/${code}`, { redirect: 'manual', headers: BROWSER })).status
    /** Somebody else leases the rest, so the replica returns what it has. */
    const takeRest = (on: Sql, id: number) => on`
      select (lease_clicks(id, click_limit, gen_random_uuid(), 1, 0, 1000, null)).granted from urls where id = ${id}`
    const first = await make('first')
    expect(await visit('first')).toBe(302)
    await takeRest(sql, first)
    await until(
      'it returned a lease',
      async () => (await sql`select from leases where url_id = ${first} and granted = 1`).length === 1,
    )

    const id = await make('late')
    expect(await visit('late')).toBe(302)
    const connection = await sql.reserve()
    await connection`begin`
    await connection`select from urls where id = ${id} for update`
    const [other] = await takeRest(connection, id)
    await connection.unsafe(`commit; begin; select from urls where id = ${id} for update`)
    let pid: number | undefined
    await until('the return waits', async () => {
      const [waiting] = await sql`select pid from pg_stat_activity where wait_event_type = 'Lock' and query like '%return_lease%'`
      pid = waiting?.pid
      return pid !== undefined
    })
    let redirects = 1
    const spendAll = async () => {
      for (let status = 0; status !== 410; ) {
        status = await visit('late')
        if (status === 302) redirects++
        else await Bun.sleep(20)
      }
    }
    process.kill(pid!, 'SIGSTOP')
    try {
      await connection`commit`
      await server.call('PATCH', `/urls/${id}`, { max_clicks: 101 })
      await spendAll()
      await until('all clicks are stored', async () => (await server.get(`/urls/${id}`)).body.click_count === redirects)
    } finally {
      process.kill(pid!, 'SIGCONT')
      connection.release()
    }
    await until('the return is over', async () => {
      const [active] = await sql`select from pg_stat_activity where pid = ${pid!} and state = 'active'`
      return active === undefined
    })
    expect([...(await sql`select "left"::int from allowances where url_id = ${id}`)]).toEqual([{ left: 0 }])
    expect(redirects + Number(other!.granted)).toBe(101)
  }, 60_000)

  test('and totals are locked in the same order by clicks and by the deletion of their link', async () => {
    const { body } = await server.post('/urls', { original_url, short_code: 'locked', max_clicks: 100 })
    const visit = async () => (await fetch(`${server.base}/locked`, { redirect: 'manual', headers: BROWSER })).status
    const stored = (clicks: number) =>
      until(`${clicks} clicks are stored`, async () => (await server.get(`/urls/${body.id}`)).body.click_count === clicks)
    expect(await visit()).toBe(302)
    await stored(1)
    const connection = await sql.reserve()
    try {
      await connection`begin`
      await connection`select from link_totals where url_id = ${body.id} for update` // as every deletion does first
      expect(await visit()).toBe(302)
      await until('the click waits', async () => {
        const waiting = await sql`select from pg_stat_activity where wait_event_type = 'Lock' and query like '-- Stores a batch%'`
        return waiting.length === 1
      })
      await connection`set local lock_timeout = '500 ms'`
      await connection`update urls set deleted_at = now() where id = ${body.id}` // forgets what is left
      await connection`rollback`
    } finally {
      connection.release()
    }
    await stored(2)
  }, 60_000)

  test('of each of many links is given back in portions, when its process has ended', async () => {
    const [{ journal } = { journal: '' }] = await sql<{ journal: string }[]>`select gen_random_uuid() as journal`
    await sql`insert into urls (short_code, original_url, max_clicks) select 'many' || n, ${original_url}, 10 from generate_series(1, 1500) as n`
    const many = sql`(select id, click_limit from urls where short_code like 'many%')`
    await sql`insert into leases (url_id, click_limit, journal_id, granted) select id, click_limit, ${journal}, 3 from ${many} as link`
    const settled = async () =>
      (
        await sql<{ count: number }[]>`select count(*)::int from allowances join ${many} as link on url_id = id where "left" = 13`
      )[0]!.count
    const connection = await sql.reserve()
    await connection`begin`
    await connection`select from urls where short_code = 'many1500' for update`
    const settling = settleLeases(server.database, journal)
    try {
      await until('those of the first links are given back', async () => (await settled()) > 0)
    } finally {
      await connection`commit`
      connection.release()
    }
    await settling
    expect(await settled()).toBe(1500)
    expect(await sql`select from leases where journal_id = ${journal}`).toHaveLength(0)
  }, 60_000)

  test('of an ended process is forgotten when each of its clicks was stored or returned, also if nobody finds its journal', async () => {
    const { body } = await server.post('/urls', { original_url, short_code: 'forgotten', max_clicks: 100 })
    const [replica] = await sql<{ id: string }[]>`select id from replicas`
    const [gone, unstored, recent] = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()]
    await sql`
      insert into journals (journal_id, updated_at)
      select id, now() - days * interval '1 day' from unnest(${[gone, unstored, recent]}::uuid[], ${[31, 31, 29]}::int[]) as j (id, days)`
    await sql`update journals set updated_at = now() - interval '31 days' where journal_id = ${replica!.id}`
    for (const [journal, granted, recorded] of [
      [gone, 3, 3],
      [unstored, 3, 2],
      [recent, 3, 3],
      [replica!.id, 3, 3],
    ] as const)
      await sql`insert into leases (url_id, click_limit, journal_id, granted, recorded) values (${body.id}, 2, ${journal}, ${granted}, ${recorded})`
    await forgetLeases(server.database)
    const left = await sql<{ journal_id: string }[]>`select journal_id from leases where url_id = ${body.id}`
    expect(left.map(({ journal_id }) => journal_id).sort()).toEqual([unstored, recent, replica!.id].sort())
  })
})
