// Rows that another hand wrote into the database: passed over and named once, and what the server's own rows say goes on. On a real PostgreSQL.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import postgres, { type Sql } from 'postgres'
import { isAskable } from '../src/fleet/row.ts'
import { notificationStore } from '../src/monitor/notifications/store.ts'
import { type Cluster, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'
import { until } from './until.ts'

const ADMIN_TOKEN = 'an-operators-long-token'

describe('another replica is asked over http and https alone:', () => {
  test.each([
    ['http://10.0.0.5:8080', true],
    ['https://replica.example.com', true],
    ['http://[fd00::1]:8080/', true],
    ['file:///etc/passwd', false],
    ['ftp://10.0.0.5/', false],
    ['data:application/json,{}', false],
    ['blob:http://10.0.0.5/x', false],
    ['javascript:1', false],
    ['unix:///run/x.sock', false],
    ['http://user:password@10.0.0.5:8080', false],
    ['http://10.0.0.5:8080/path', false],
    ['http://10.0.0.5:8080/?a=b', false],
    ['//10.0.0.5', false],
    ['', false],
    [null, false],
    [`http://${'a'.repeat(5_000)}.example`, false],
  ])('%p: %p', (url, is) => {
    expect(isAskable(url)).toBe(is)
  })
})

if (!serverBinaries()) console.warn('SKIPPED: rows of other hands (PostgreSQL is not installed)')

describe.skipIf(!serverBinaries())('rows of other hands in', () => {
  let cluster: Cluster
  let sql: Sql
  let server: TestServer
  let other: TestServer
  const idOf = (number: number) => `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`

  beforeAll(async () => {
    cluster = await openCluster({ own: true })
    const url = await cluster.createDatabase()
    sql = postgres(url, { max: 1, onnotice: () => {} })
    const start = () =>
      serveOn(
        {
          name: 'external',
          settings: async () => ({ DATA_DIR: temporaryFolder(), DATABASE_URL: url, ADMIN_TOKEN }),
          open: () => Promise.reject(),
        },
        UNLIMITED,
      )
    server = await start()
    other = await start()
  })
  afterAll(async () => {
    await Promise.all([server?.stop(), other?.stop()])
    await sql?.end()
    await cluster?.end()
  })

  const fleet = async () => (await server.get('/api/fleet')).body.replicas as { id: string; hostname: string; state: string }[]
  const saidOf = (id: string) => server.ring.read({ limit: 10_000 }).filter(({ replica }) => replica === id)

  const odd: [column: string, value: string][] = [
    ['started_at', "'infinity'"],
    ['started_at', "'-infinity'"],
    ['started_at', "'0044-03-15 BC'"],
    ['seen_at', "'infinity'"],
    ['seen_at', "'-infinity'"],
    ['seen_at', "now() + interval '200 days'"],
    ['rate', "'NaN'"],
    ['rate', "'Infinity'"],
    ['rate', '-1'],
    ['slot', '-1'],
    ['url', "'file:///etc/passwd'"],
    ['url', "'ftp://127.0.0.1/x'"],
    ['url', "'http://user:password@127.0.0.1:9'"],
    ['url', "'http://' || repeat('a', 10000000)"],
    ['url', "''"],
    ['hostname', "repeat('h', 10000000)"],
    ['hostname', "''"],
    ['hostname', "E'a\\nb'"],
    ['hostname', "U&'gpj.\\202Eexe'"],
    ['version', "repeat('v', 1000000)"],
    ['state', "repeat('s', 1000000)"],
  ]

  test('replicas are skipped, each with one line, and heartbeats continue', async () => {
    await until('both are seen', async () => (await fleet()).length === 2)
    for (const [number, [column, value]] of odd.entries()) {
      const columns: Record<string, string> = {
        id: `'${idOf(number)}'`,
        place: "'nowhere'",
        slot: '0',
        hostname: "'stranger'",
        url: "'http://127.0.0.1:9'",
        version: "'9'",
        state: "'ready'",
        rate: '0',
        started_at: 'now()',
        seen_at: "now() + interval '5 s'",
        [column]: value,
      }
      await sql.unsafe(`insert into replicas (${Object.keys(columns)}) values (${Object.values(columns)})`)
    }
    for (const [number, [column]] of odd.entries())
      await until(`${odd[number]} is named`, () => saidOf(idOf(number)).some(({ reason }) => String(reason).includes(column)))
    const seen = async () =>
      (await sql`select max(seen_at)::text as at from replicas where id = ${(await fleet())[0]!.id}`)[0]!.at
    const before = await seen()
    await until('two beats later', async () => Date.parse(await seen()) > Date.parse(before) + 2_000)
    expect((await fleet()).map(({ state }) => state)).toEqual(['ready', 'ready'])
    for (const number of odd.keys()) expect(saidOf(idOf(number)).length).toBe(1)
    const overview = await server.get('/api/overview?window=60&replica=all')
    expect(overview.body).toMatchObject({ asked: 2, answered: 2 })
    await sql`delete from replicas where hostname <> ${(await fleet())[0]!.hostname} or place = 'nowhere'`
  })

  test('replicas, sixty-four and more, leave room for those that live', async () => {
    await sql`insert into replicas (id, place, slot, hostname, url, version, state, rate, started_at, seen_at)
      select gen_random_uuid(), 'nowhere', 0, 'stranger', 'file:///x', '9', 'ready', 0, 'infinity', 'infinity' from generate_series(1, 100)`
    const passedOver = () => server.ring.read({ limit: 10_000, filter: 'a row of the table replicas is ignored' }).length
    await until('rows are passed over', () => passedOver() > odd.length + 50)
    expect((await fleet()).map(({ state }) => state)).toEqual(['ready', 'ready'])
    await sql`delete from replicas where place = 'nowhere'`
  })

  test('a row of replicas without a URL is shown, and not asked', async () => {
    await sql`insert into replicas (id, place, slot, hostname, url, version, state, rate, started_at)
      values (${idOf(500)}, 'nowhere', 0, 'stranger', null, '9', 'ready', 0, now())`
    await until('it is shown', async () => (await fleet()).some(({ id }) => id === idOf(500)))
    const { body } = await server.get('/api/overview?window=60&replica=all')
    expect(body.troubles.join()).toContain('has not advertised its address')
    await sql`delete from replicas where place = 'nowhere'`
  })

  test('api_keys that expire at infinity never do, and the policy is read', async () => {
    const make = async (name: string) =>
      (await server.post('/api/keys', { name, scope: 'read' })).body as { id: number; key: string }
    const [kept, gone, revoked] = [await make('kept'), await make('gone'), await make('revoked')]
    await sql`update api_keys set expires_at = 'infinity' where id = ${kept.id}`
    await sql`update api_keys set expires_at = '-infinity' where id = ${gone.id}`
    await sql`update api_keys set revoked_at = 'infinity' where id = ${revoked.id}`
    const status = async (key: string) => (await other.get('/urls', { authorization: `Bearer ${key}` })).status
    await until('it holds', async () => (await status(kept.key)) === 200)
    await until('it is over', async () => (await status(gone.key)) === 401)
    await until('it is revoked', async () => (await status(revoked.key)) === 401)
  })

  test('blocked_hosts that are no hosts block nothing, and are counted in the log', async () => {
    await sql`insert into blocked_hosts (host) values ('com'), (''), ('evil.example'), (repeat('x', 1000) || '.example'), (E'a.example\nb.example')`
    const create = async (original_url: string) => (await server.post('/urls', { original_url })).status
    await until('the good one is blocked', async () => (await create('https://evil.example/')) !== 201)
    for (const free of ['https://example.com/', 'https://a.example/', 'https://b.example/']) expect(await create(free)).toBe(201)
    expect(server.ring.read({ limit: 10_000, filter: 'blocked_hosts' })).toMatchObject([{ rows: 4 }])
    await sql`delete from blocked_hosts`
  })

  test('users, urls, events and api_keys with times that no calendar has are listed, at its ends', async () => {
    const [user] =
      await sql`insert into users (username, email, created_at) values ('ada', 'ada@example.com', '0044-03-15 BC') returning id`
    const [link] = await sql`
      insert into urls (short_code, original_url, created_at, updated_at) values ('ides', 'https://example.com', '-infinity', 'infinity') returning id`
    await sql`insert into events (id, url_id, event_type, timestamp) values (next_event_id(), ${link!.id}, 'opened', '12025-01-01')`
    const [first, last] = ['0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z']
    expect((await server.get('/users')).body).toMatchObject([{ id: Number(user!.id), created_at: first }])
    expect((await server.get(`/urls/${link!.id}`)).body).toMatchObject({ created_at: first, updated_at: last })
    expect((await server.get('/urls')).body).toContainEqual(expect.objectContaining({ short_code: 'ides', created_at: first }))
    expect((await server.get('/events?event_type=opened')).body).toMatchObject([{ timestamp: last }])
    expect((await server.get('/ides')).status).toBe(302)
    await sql`update api_keys set expires_at = 'infinity', last_used_at = '-infinity'`
    expect((await server.get('/api/keys')).status).toBe(200)
  })

  test.each([
    ["array['odd', null, '']", ['odd']],
    ["'{{odd,null},{odd,two}}'", ['odd', 'two']],
  ])('urls with the tags %s have those that are texts', async (tags, known) => {
    const of = known.length
    const at = async (code: string) => {
      const [link] = (await server.get(`/urls?code=${code}`)).body
      return (await server.get(`/urls/${link.id}`)).body.tags
    }
    await sql.unsafe(`insert into urls (short_code, original_url, tags) values ('tagged${of}', 'https://example.com/', ${tags})`)
    await server.post('/urls', { original_url: 'https://example.com/', short_code: `retagged${of}`, tags: ['old'] })
    await sql.unsafe(`update urls set tags = ${tags} where short_code = 'retagged${of}'`)
    expect([await at(`tagged${of}`), await at(`retagged${of}`)]).toEqual([known, known])
    expect((await server.get('/api/tags')).body).toMatchObject(known.map((name) => ({ name, links: 2 })))
    await sql`update urls set tags = '{}' where tags <> '{}'`
  })

  test('urls have no card that is not an object of texts', async () => {
    for (const card of ['[1]', '"x"', '7', '{"title":1}', '{"title":null}', '{"title":{"a":"b"}}']) {
      const insert = sql`insert into urls (short_code, original_url, card) values ('card', 'https://example.com/', ${card}::text::jsonb)`
      expect([card, await insert.catch((error) => error.constraint_name)]).toEqual([card, 'urls_card'])
    }
  })

  test('notice_sender: a lease without an end is free, and notices of megabytes are left out', async () => {
    const store = notificationStore(server.database)
    for (const until of ['infinity', '2999-01-01']) {
      await sql`insert into notice_sender (holder, until) values (${idOf(1)}, ${until}::text::timestamptz) on conflict (only_row) do update set holder = excluded.holder, until = excluded.until`
      expect(await store.seek(idOf(2), 0)).toMatchObject({ mine: true })
    }
    await sql`update notice_sender set notices = (select jsonb_agg(gen_random_uuid()) from generate_series(1, 200000))`
    expect((await store.seek(idOf(2), 0)).notices).toBeNull()
    await sql`delete from notice_sender`
  })

  test('policy: a secret that is too short signs nobody in, and a row that is gone opens nothing', async () => {
    const bare = async (target: TestServer) => (await fetch(`${target.base}/urls`)).status
    await sql`update policy set session_secret = '', version = version + 1`
    await until('it is known', async () => (await server.post('/api/session', { token: ADMIN_TOKEN })).status === 503)
    await sql`delete from policy`
    for (const target of [server, other]) expect(await bare(target)).toBe(401)
    expect((await server.get('/urls')).status).toBe(200)
    await sql`insert into policy default values`
  })
})
