// Connections to the database that die or dawdle: the server outlives them, and nobody gets another's answer.
import { afterAll, describe, expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import postgres from 'postgres'
import { readConfig } from '../src/config/config.ts'
import { openDatabase } from '../src/database/open.ts'
import { createLog, createLogRing } from '../src/telemetry/logs.ts'
import { wireTo } from '../survive/wire.ts'
import { startChild } from './child.ts'
import { serverBinaries, sharedCluster } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'

const installed = serverBinaries() !== undefined
if (!installed) console.warn('SKIPPED: test/connections.test.ts (PostgreSQL is not installed)')

const ends: (() => unknown)[] = []
afterAll(async () => {
  for (const end of ends.reverse()) await end()
})

/** Passes everything on, until `cut()`, or until a client asks for the array types while `swallows()`: then nothing more of that connection. */
async function proxyTo(url: URL, swallows: () => boolean) {
  const sockets = new Set<Socket>()
  const cuts: (() => void)[] = []
  let swallowed = 0
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect(Number(url.port), url.hostname)
    let dead = false
    cuts.push(() => {
      dead = true
    })
    near.on('data', (bytes) => {
      if (!dead && swallows() && bytes.includes('pg_catalog.pg_type')) {
        dead = true
        swallowed++
      }
      if (!dead) far.write(bytes)
    })
    far.on('data', (bytes) => !dead && near.write(bytes))
    near.on('end', () => !dead && near.end()) // a network that forgot a connection closes nothing
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.on('error', () => {})
      one.on('close', () => other.destroy())
    }
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  ends.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const through = new URL(url)
  through.port = String((server.address() as { port: number }).port)
  return {
    url: through.href,
    port: Number(through.port),
    swallowed: () => swallowed,
    /** Those that are open now. */
    cut: () => cuts.splice(0).forEach((one) => one()),
  }
}

const TCP = '/proc/self/net/tcp'
if (!existsSync(TCP)) console.warn('SKIPPED: the descriptors of silent connections (there is no /proc)')

/** The inodes of the sockets with a descriptor that lead to this port: one that only the kernel still knows has none. */
const socketsTo = (port: number): string[] =>
  readFileSync(TCP, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , remote = '', , , , , , , inode]) => Number.parseInt(remote.split(':')[1] ?? '', 16) === port && inode !== '0')
    .map((fields) => fields[9]!)

test.skipIf(!installed)(
  'a server outlives connections that die before they are whole, and is ready when new ones live',
  async () => {
    let swallowing = true
    const proxy = await proxyTo(new URL(await (await sharedCluster()).createDatabase()), () => swallowing)
    const server = await startChild({ DATA_DIR: temporaryFolder(), DATABASE_URL: proxy.url }, 'degraded')
    ends.push(() => server.kill('SIGKILL'))
    while (proxy.swallowed() < 2) await Bun.sleep(100) // it gave the first ones up
    expect((await server.call('GET', '/health')).status).toBe(200)
    swallowing = false
    while ((await server.call('POST', '/urls', { original_url: 'https://example.com/' })).status !== 201) await Bun.sleep(100)
    expect((await server.call('GET', '/ready')).body.status).toBe('ready')
  },
)

test.skipIf(!installed)(
  'a query that is late behind another on its connection leaves the answers to those after it alone',
  async () => {
    const url = await (await sharedCluster()).createDatabase()
    const config = readConfig({ DATABASE_URL: url, DATABASE_POOL: '1', DATA_DIR: temporaryFolder() }, {})
    const database = await openDatabase(config, createLog('fatal', createLogRing()))
    ends.push(() => database.close())
    const answerTo = (n: number, deadline?: number) =>
      database.run((sql) => sql<{ n: number }[]>`select ${n}::int as n`, deadline).then(([row]) => row!.n)
    for (const n of [1, 2]) expect(await answerTo(n)).toBe(n) // prepared, so that more go out while one is in flight
    const slow = database.run((sql) => sql`select pg_sleep(0.5)`)
    const late = answerTo(3, 100).catch((error) => error.name)
    const behind = answerTo(4)
    expect(await late).toBe('DatabaseUnreachable')
    await slow
    expect(await behind).toBe(4)
    for (const n of [5, 6]) expect(await answerTo(n)).toBe(n)
  },
)

test.skipIf(!installed)('connections that fall silent are replaced, also while queries hang on earlier silent ones', async () => {
  const proxy = await proxyTo(new URL(await (await sharedCluster()).createDatabase()), () => false)
  const config = readConfig({ DATABASE_URL: proxy.url, DATABASE_POOL: '2', DATA_DIR: temporaryFolder() }, {})
  const ring = createLogRing()
  const database = await openDatabase(config, createLog('fatal', ring))
  ends.push(() => database.close())
  for (const times of [1, 2]) {
    await Promise.all([1, 2].map(() => database.run((sql) => sql`select pg_sleep(0.1)`))) // both are open
    proxy.cut()
    void database.run((sql) => sql`select 1`, 60_000).catch(() => {})
    while (ring.read({ limit: 100, filter: 'replacing the connections to the database' }).length < times) await Bun.sleep(50)
  }
  expect(await database.run((sql) => sql<{ n: number }[]>`select 1 as n`)).toMatchObject([{ n: 1 }])
})

test.skipIf(!installed)('connections that fall silent are replaced, also if each of them is waited for', async () => {
  const proxy = await proxyTo(new URL(await (await sharedCluster()).createDatabase()), () => false)
  const config = readConfig({ DATABASE_URL: proxy.url, DATABASE_POOL: '2', DATA_DIR: temporaryFolder() }, {})
  const ring = createLogRing()
  const database = await openDatabase(config, createLog('fatal', ring))
  ends.push(() => database.close())
  await Promise.all([1, 2].map(() => database.run((sql) => sql`select pg_sleep(0.1)`)))
  proxy.cut()
  const hanging = [1, 2].map(() => database.run((sql) => sql`select 1`).catch((error) => error.name))
  while (ring.read({ limit: 100, filter: 'replacing the connections to the database' }).length === 0) await Bun.sleep(50)
  expect(await Promise.race([...hanging, 'under way'])).toBe('under way') // it was not their deadline that told
  expect(await Promise.all(hanging)).toEqual(['DatabaseUnreachable', 'DatabaseUnreachable'])
})

test.skipIf(!installed || !existsSync(TCP))('a connection that fell silent does not keep its descriptor', async () => {
  const proxy = await proxyTo(new URL(await (await sharedCluster()).createDatabase()), () => false)
  const config = readConfig({ DATABASE_URL: proxy.url, DATABASE_POOL: '2', DATA_DIR: temporaryFolder() }, {})
  const database = await openDatabase(config, createLog('fatal', createLogRing()))
  ends.push(() => database.close())
  await Promise.all([1, 2].map(() => database.run((sql) => sql`select pg_sleep(0.1)`)))
  proxy.cut()
  const silent = socketsTo(proxy.port)
  expect(silent.length).toBeGreaterThanOrEqual(2)
  const kept = () => silent.filter((one) => socketsTo(proxy.port).includes(one))
  while (kept().length === silent.length) await Bun.sleep(100) // that with a query on it has its minute
  expect(await database.run((sql) => sql<{ n: number }[]>`select 1 as n`)).toMatchObject([{ n: 1 }])
})

test.skipIf(!installed)('a connection whose first query was given up while it opened is there for the next', async () => {
  const place = new URL(await (await sharedCluster()).createDatabase())
  const wire = await wireTo(Number(place.port))
  ends.push(() => wire.close())
  const url = Object.assign(place, { port: String(wire.port) }).href
  const config = readConfig({ DATABASE_URL: url, DATABASE_POOL: '2', DATA_DIR: temporaryFolder() }, {})
  const database = await openDatabase(config, createLog('fatal', createLogRing()))
  ends.push(() => database.close())
  await database.run((sql) => sql`select 1`) // one is open
  wire.slow(100)
  const order: string[] = []
  const long = database.run((sql) => sql`select pg_sleep(3)`).then(() => order.push('long'))
  const late = await database.run((sql) => sql`select 1`, 50).catch((error) => error.name) // opens the other, and does not wait for it
  expect(late).toBe('DatabaseUnreachable')
  const others = Array.from({ length: 10 }, async (_, i) => {
    await Bun.sleep(500 + i * 150) // some of them may come while a beat has it
    await database.run((sql) => sql`select 1`)
    order.push('other')
  })
  await Promise.all([long, ...others])
  expect(order[0]).toBe('other') // not behind the long one
})

test.skipIf(!installed)('a query that fails between its rows leaves none of them to the next one on its connection', async () => {
  const url = await (await sharedCluster()).createDatabase()
  const log = createLog('fatal', createLogRing(), false)
  const database = await openDatabase(readConfig({ DATA_DIR: temporaryFolder(), DATABASE_URL: url, DATABASE_POOL: '1' }, {}), log)
  ends.push(() => database.close())
  const failing = database.run((sql) => sql`select 1 / (5 - n) from generate_series(1, 10) n`)
  await expect(failing).rejects.toThrow('division by zero')
  expect([...(await database.run((sql) => sql`select n from generate_series(1, 3) n`))]).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
})

describe.skipIf(!installed)('a transaction whose connection is cut between two statements', () => {
  async function cutBetween(meanwhile: (pool: postgres.Sql) => Promise<unknown>) {
    const url = await (await sharedCluster()).createDatabase()
    const other = postgres(url, { max: 1, onnotice: () => {} })
    const closed = Promise.withResolvers<void>()
    const pool = postgres(url, { max: 1, backoff: () => 0.01, onclose: () => closed.resolve() })
    ends.push(() => Promise.all([other.end({ timeout: 1 }), pool.end({ timeout: 1 })]))
    await other`create table marks (mark text)`
    let second = 'not tried'
    const failed = await pool
      .begin(async (sql) => {
        const [{ pid } = { pid: 0 }] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`
        await other`select pg_terminate_backend(${pid})`
        await closed.promise
        await meanwhile(pool)
        second = await sql`insert into marks values ('of the transaction')`.then(
          () => 'done',
          ({ code }) => code,
        )
      })
      .catch(({ code }) => code)
    while (second === 'not tried') await Bun.sleep(10) // begin() fails before that
    return { failed, second, marks: (await pool`select mark from marks`).map(({ mark }) => mark) }
  }

  test('fails, and its connection serves the next one', async () => {
    expect(await cutBetween(async () => {})).toEqual({ failed: 'CONNECTION_CLOSED', second: 'CONNECTION_CLOSED', marks: [] })
  })

  test('leaves a pool that works, also where it had the connection for itself', async () => {
    const url = await (await sharedCluster()).createDatabase()
    const other = postgres(url, { max: 1, onnotice: () => {} })
    const closed = Promise.withResolvers<void>()
    const pool = postgres(url, { max: 1, backoff: () => 0.01, onclose: () => closed.resolve() })
    ends.push(() => Promise.all([other.end({ timeout: 1 }), pool.end({ timeout: 1 })]))
    const session = await pool.reserve()
    const [{ pid } = { pid: 0 }] = await session<{ pid: number }[]>`select pg_backend_pid() as pid`
    await other`select pg_terminate_backend(${pid})`
    await closed.promise
    expect(await session`select 1`.catch(({ code }) => code)).toBe('CONNECTION_CLOSED')
    const next = pool.begin((sql) => sql<{ n: number }[]>`select 1 as n from pg_sleep(0.2)`)
    await Bun.sleep(100) // it has the connection now
    session.release()
    expect(await session`select 1`.catch(({ code }) => code)).toBe('CONNECTION_CLOSED')
    expect([...(await next)]).toEqual([{ n: 1 }])
    expect([...(await pool<{ n: number }[]>`select 2 as n`)]).toEqual([{ n: 2 }])
  })

  test('does not continue on the connection that replaced it', async () => {
    expect(await cutBetween((pool) => pool`insert into marks values ('of another')`)).toEqual({
      failed: 'CONNECTION_CLOSED',
      second: 'CONNECTION_CLOSED',
      marks: ['of another'],
    })
  })
})
