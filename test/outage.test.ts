// PostgreSQL goes away, hangs, and comes back; the server stays, and goes on by itself.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import postgres from 'postgres'
import { readConfig } from '../src/config/config.ts'
import { startServer } from '../src/server/server.ts'
import { wireTo } from '../survive/wire.ts'
import { type DatabaseKind, quiet } from './databases.ts'
import { type Cluster, freePort, openCluster, serverBinaries, signalCluster } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer } from './server.ts'
import { until } from './until.ts'

const installed = serverBinaries() !== undefined
if (!installed) console.warn('SKIPPED: test/outage.test.ts (PostgreSQL is not installed)')

/** Longer than any answer may take with the database hanging: the deadline of a query is 5 s. */
const PATIENCE = 60_000
const BACK_WITHIN = 60_000

let cluster: Cluster
let control: NonNullable<Cluster['control']>

/** The kind of database that is at `url` already. */
const at = (url: string): DatabaseKind => ({
  name: 'external',
  settings: async () => ({ DATA_DIR: temporaryFolder(), DATABASE_URL: url }),
  open: () => Promise.reject(new Error('not used')),
})

beforeAll(async () => {
  if (!installed) return
  cluster = await openCluster({ own: true })
  control = cluster.control!
})
afterAll(() => cluster?.end())

describe.skipIf(!installed)('a running server', () => {
  let server: TestServer
  let url: string
  beforeAll(async () => {
    url = await cluster.createDatabase()
    server = await serveOn(at(url))
    await server.post('/users', { username: 'ada', email: 'ada@example.com' })
    await server.post('/urls', { original_url: 'https://example.com/known', short_code: 'known' })
  })
  afterAll(() => server?.stop())

  const works = async () => (await server.get('/users/1')).status === 200 && (await server.get('/ready')).body.status === 'ready'

  test('says what is wrong while the database is unreachable, and works again without a restart', async () => {
    expect(await works()).toBe(true)
    expect((await server.get('/known')).status).toBe(302)
    await control.stop()
    await until('the outage is noticed', async () => (await server.get('/ready')).body.status === 'degraded')

    for (const [method, path, body] of [
      ['GET', '/users'],
      ['GET', '/users/1'],
      ['GET', '/urls/1'],
      ['GET', '/urls/known/stats'],
      ['POST', '/users', { username: 'eva', email: 'eva@example.com' }],
      ['POST', '/urls', { original_url: 'https://example.com' }],
      ['PATCH', '/urls/1', { title: 'x' }],
      ['DELETE', '/urls/1'],
      ['POST', '/users/bulk', csv('username,email\neva,eva@example.com\n')],
    ] as const) {
      const answer = await server.call(method, path, body)
      expect([method, path, answer.status, answer.headers.get('content-type')]).toEqual([method, path, 503, 'application/json'])
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(answer.body).toEqual({ error: expect.stringContaining('database'), request_id: expect.any(String) })
    }
    expect((await server.get('/known')).headers.get('location')).toBe('https://example.com/known')
    expect((await server.get('/unknown')).status).toBe(503) // not 404: nobody knows
    expect((await server.get('/urls/nothing-such')).status).toBe(503)
    expect(await server.get('/health')).toMatchObject({ status: 200, body: { status: 'ok' } })
    expect(await server.get('/ready')).toMatchObject({ status: 200, body: { dependencies: { database: 'down' } } })
    expect((await server.get('/metrics')).text).toContain('\nwaypost_database_up 0\n')
    expect((await server.get('/alert-status')).body.service_down).toMatchObject({ state: 'firing', value: 1 })
    expect((await server.get('/logs?level=error&filter=not reachable')).body.count).toBeGreaterThan(0)
    // What is wrong in itself is said all the same.
    expect((await server.post('/users', { username: 1 })).status).toBe(400)

    await control.start()
    await until('it works again', works)
    expect((await server.get('/metrics')).text).toContain('\nwaypost_database_up 1\n')
    expect((await server.get('/alert-status')).body.service_down.state).toBe('firing') // until it has been good for 30 s
    expect((await server.post('/users', { username: 'eva', email: 'eva@example.com' })).status).toBe(201)
    expect((await server.get('/unknown')).status).toBe(404)
  })

  test('stores every click that was answered during an outage, once', async () => {
    await server.post('/urls', { original_url: 'https://example.com/counted', short_code: 'counted' })
    let answered = 0
    const click = async () => {
      const { status } = await server.get('/counted')
      if (status === 302) answered++
      return status
    }
    for (let i = 0; i < 20; i++) await click()
    await until('nothing is in flight', async () => (await server.get('/urls/counted/stats')).body.clicks === 20)
    await control.stop('immediate')
    const during: number[] = []
    for (let i = 0; i < 200; i++) {
      during.push(await click())
      await Bun.sleep(5)
    }
    expect(during.filter((status) => status === 302).length).toBeGreaterThan(0)
    expect((await server.get('/metrics')).text).toMatch(/\nwaypost_clicks_backlog [1-9]/)
    await control.start()
    await until('it works again', works)
    for (let i = 0; i < 20; i++) await click()
    await until('the backlog is stored', async () => /\nwaypost_clicks_backlog 0\n/.test((await server.get('/metrics')).text))
    expect((await server.settled('/urls/counted/stats')).body.clicks).toBe(answered)
    const events = await server.get('/events?event_type=click&per_page=1&url_id=2')
    expect(events.headers.get('x-total-count')).toBe(String(answered))
  })

  test('reports an outage after its end, because it may have been too short to be seen', async () => {
    await control.stop('immediate')
    await until('the outage is noticed', async () => (await server.get('/ready')).body.status === 'degraded')
    await control.start()
    const said = async () => (await server.get('/api/overview')).body.now.troubles.join()
    await until('the console says so', async () => /The database was unreachable until \S+\./.test(await said()))
    await until('it works again', works)
  })

  test('responds while the database hangs, and works again when it continues', async () => {
    expect(await works()).toBe(true)
    signalCluster(control.pid(), 'SIGSTOP')
    try {
      // Forty callers at once: more than the pool has connections.
      const answers = await Promise.race([
        Promise.all(Array.from({ length: 40 }, (_, i) => server.get(i % 2 ? '/users' : `/code${i}`))),
        Bun.sleep(PATIENCE).then(() => undefined),
      ])
      expect(answers?.map(({ status }) => status)).toEqual(Array(40).fill(503))
      expect((await server.get('/health')).status).toBe(200)
      await until('the outage is noticed', async () => (await server.get('/ready')).body.status === 'degraded')
      expect((await server.post('/urls', { original_url: 'https://example.com' })).status).toBe(503)
    } finally {
      signalCluster(control.pid(), 'SIGCONT')
    }
    await until('it works again', works)
  })

  test('a query that waits for a lock is given up, not waited for', async () => {
    const sql = postgres(url, { max: 1, onnotice: () => {} })
    try {
      const given = await sql.begin(async (sql) => {
        await sql`lock table urls in access exclusive mode`
        const answers = Promise.all([
          server.get('/urls/1'),
          server.get('/never-seen'),
          server.call('PATCH', '/urls/1', { title: 'late' }),
        ])
        return Promise.race([answers, Bun.sleep(PATIENCE).then(() => undefined)])
      })
      expect(given?.map(({ status, headers }) => [status, headers.get('retry-after')])).toEqual(Array(3).fill([503, '1']))
    } finally {
      await sql.end()
    }
    await until('it works again', works)
    expect((await server.get('/never-seen')).status).toBe(404)
  })

  test('a visitor waits 150 ms for the database where no other time is set', async () => {
    const impatient = await serveOn(at(url), {}, {})
    const sql = postgres(url, { max: 1, onnotice: () => {} })
    let operator: Promise<unknown> | undefined
    try {
      await sql.begin(async (sql) => {
        await sql`lock table urls in access exclusive mode`
        let isGivenUp = false
        operator = impatient.get('/urls/1').finally(() => (isGivenUp = true)) // waits for the same lock, as long as any query may
        const waits: number[] = []
        for (let n = 0; n < 3; n++) {
          const asked = performance.now()
          expect((await impatient.get(`/never-seen-${n}`)).status).toBe(503)
          if (!isGivenUp) waits.push(performance.now() - asked)
        }
        expect(waits).not.toBeEmpty()
        expect(Math.min(...waits)).toBeGreaterThanOrEqual(149)
      })
      await operator
    } finally {
      await sql.end()
      await impatient.stop()
    }
  })

  test('a lock that lasts longer than a check of the database may take is no outage, also where all connections wait for it', async () => {
    const sql = postgres(url, { max: 1, onnotice: () => {} })
    try {
      await sql.begin(async (sql) => {
        await sql`lock table urls in access exclusive mode`
        for (let n = 0; n < 40; n++, await Bun.sleep(300)) void server.get(`/unseen-${n}`)
        await until('it is up', () => server.database.state() === 'up')
      })
    } finally {
      await sql.end()
    }
    await until('it works again', works)
  })

  test('a table that an upgrade changes beneath prepared statements costs no wrong answer', async () => {
    const ask = () =>
      Promise.all(
        Array.from({ length: 30 }, async (_, i) => [
          (await server.get('/users/1')).body.username,
          (await server.get('/urls/1')).body.short_code,
          (await server.post('/urls', { original_url: 'https://example.com/', user_id: 1, title: `n ${i}` })).body.title,
          (await server.get('/urls/1/stats')).status,
        ]),
      )
    const right = Array.from({ length: 30 }, (_, i) => ['ada', 'known', `n ${i}`, 200])
    expect(await ask()).toEqual(right)
    const sql = postgres(url, { max: 1, onnotice: () => {} })
    for (const type of ['varchar(600)', 'text']) {
      await sql.unsafe(`alter table urls alter column title type ${type}`)
      expect(await ask()).toEqual(right)
    }
    await sql.end()
  })

  test('a database half a second away is slow, and not unreachable: changes work, and it is found again', async () => {
    const wire = await wireTo(Number(new URL(url).port))
    const far = await serveOn(at(Object.assign(new URL(url), { port: String(wire.port) }).href))
    try {
      await far.get('/users/1')
      wire.slow(270)
      for (let i = 0; i < 6; i++) {
        expect((await far.post('/urls', { original_url: 'https://example.com/far' })).status).toBe(201)
        await Bun.sleep(500)
      }
      expect((await far.get('/ready')).body.status).toBe('ready')
      wire.giveUp(wire.open())
      await until('it works again', async () => (await far.get('/users/1')).status === 200)
    } finally {
      wire.heal()
      await far.stop()
      wire.close()
    }
  })

  test('connections that the server cuts are opened again', async () => {
    const sql = postgres(url, { max: 1, onnotice: () => {} })
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'waypost' and datname = current_database()`
    await sql.end()
    await until('it works again', works)
  })
})

describe.skipIf(!installed)('a start', () => {
  test('with the database unreachable is degraded; the server migrates when it comes, and serves', async () => {
    const url = await cluster.createDatabase()
    await control.stop()
    const server = await serveOn(at(url))
    try {
      expect(await server.get('/ready')).toMatchObject({ status: 200, body: { status: 'degraded' } })
      expect((await server.get('/users')).status).toBe(503)
      await control.start()
      await until('it serves', async () => (await server.post('/urls', { original_url: 'https://example.com/' })).status === 201)
      expect((await server.get('/ready')).body.status).toBe('ready')
    } finally {
      await server.stop()
    }
  })

  test('of three replicas at once on an empty database migrates it once', async () => {
    const url = await cluster.createDatabase()
    const servers = await Promise.all([1, 2, 3].map(() => serveOn(at(url))))
    try {
      for (const server of servers) expect((await server.get('/ready')).body.status).toBe('ready')
      const migrations = servers.flatMap(({ ring }) => ring.read({ limit: 100, filter: 'migrated the schema' }))
      expect(migrations).toHaveLength(1)
      expect(servers.flatMap(({ ring }) => ring.read({ limit: 100, filter: 'could not be created' }))).toEqual([])
      const created = await Promise.all(servers.map((server) => server.post('/urls', { original_url: 'https://example.com/' })))
      expect(created.map(({ body }) => body.id).sort()).toEqual([1, 2, 3])
    } finally {
      await Promise.all(servers.map((server) => server.stop()))
    }
  })

  test('on a schema one version ahead works, two ahead is refused with a sentence', async () => {
    const url = await cluster.createDatabase()
    await (await serveOn(at(url))).stop()
    const sql = postgres(url, { max: 1, onnotice: () => {} })
    const [newest] = await sql<{ version: number }[]>`select max(version) as version from schema_migrations`
    try {
      await sql`insert into schema_migrations (version, name) values (${newest!.version + 1}, 'of the next release')`
      const server = await serveOn(at(url))
      expect((await server.post('/urls', { original_url: 'https://example.com/' })).status).toBe(201)
      expect(server.ring.read({ limit: 100, filter: 'the schema is of the next release' })).toHaveLength(1)
      await server.stop()
      await sql`insert into schema_migrations (version, name) values (${newest!.version + 2}, 'of the release after')`
      await expect(serveOn(at(url))).rejects.toThrow(
        `the database has schema version ${newest!.version + 2} and this release knows version ${newest!.version}: use a newer waypost`,
      )
    } finally {
      await sql.end()
    }
  })

  test('on a schema too new of a database that was unreachable at first ends the process', async () => {
    const url = await cluster.createDatabase()
    await (await serveOn(at(url))).stop()
    const sql = postgres(url, { max: 1, onnotice: () => {} })
    await sql`insert into schema_migrations (version, name) values (98, 'a'), (99, 'b')`
    await sql.end()
    await control.stop()
    const { log, ring } = quiet()
    const exited = Promise.withResolvers<number>()
    const config = readConfig({ ...(await at(url).settings()), PORT: String(await freePort()), DRAIN_WAIT: '0' }, {})
    await startServer(config, log, ring, exited.resolve)
    await control.start()
    expect(await Promise.race([exited.promise, Bun.sleep(BACK_WITHIN).then(() => 'it goes on')])).toBe(1)
  })

  test('on a port in use is refused with a sentence, and the owner keeps the port', async () => {
    const url = await cluster.createDatabase()
    const server = await serveOn(at(url))
    try {
      await expect(serveOn(at(url), { PORT: String(server.config.PORT) })).rejects.toThrow(
        `cannot open port ${server.config.PORT} on 127.0.0.1: it is in use`,
      )
      expect((await server.get('/users')).status).toBe(200)
    } finally {
      await server.stop()
    }
  })
})

function csv(text: string): FormData {
  const form = new FormData()
  form.set('file', new File([text], 'users.csv', { type: 'text/csv' }))
  return form
}
