// The second tier in Valkey: shared by replicas, a miss when it is unreachable, never old. On a real PostgreSQL and a real redis-server.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres, { type Sql } from 'postgres'
import { readConfig } from '../src/config/config.ts'
import { openDatabase } from '../src/database/open.ts'
import { positionNow } from '../src/database/position.ts'
import { openValkey } from '../src/database/valkey.ts'
import { openSharedCache } from '../src/redirect/shared-cache.ts'
import { wireTo } from '../survive/wire.ts'
import { atEnd } from './at-end.ts'
import { runCommand } from './child.ts'
import { databases, quiet } from './databases.ts'
import { freePort, serverBinaries, sharedCluster } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer } from './server.ts'
import { target } from './target.ts'
import { until } from './until.ts'

const binary = Bun.which('valkey-server') ?? Bun.which('redis-server')
const possible = Boolean(binary && (serverBinaries() || process.env.TEST_DATABASE_URL))
if (!possible) console.warn('SKIPPED: the second tier in Valkey (no valkey-server or redis-server, or no PostgreSQL)')

test('SECOND_TIER=valkey without REDIS_URL refuses to start, with a sentence', async () => {
  const { code, err, out } = await runCommand(['serve'], {
    SECOND_TIER: 'valkey',
    DATA_DIR: temporaryFolder(),
    DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
    PORT: String(await freePort()),
  })
  expect(code).not.toBe(0)
  expect(err + out).toContain('SECOND_TIER=valkey needs REDIS_URL')
})

const alertOf = ({ body }: { body: { alerts: { name: string; value: number }[] } }) =>
  body.alerts.find(({ name }) => name === 'shared_cache_down')!

describe.skipIf(!possible)('Valkey', () => {
  const folder = temporaryFolder()
  let port: number
  let url: string
  let valkey: Bun.Subprocess
  let databaseUrl: string
  let sql: Sql
  let one: TestServer
  let two: TestServer

  async function start() {
    valkey = Bun.spawn([binary!, '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder], {
      stdout: 'ignore',
      stderr: 'ignore',
    })
    await until('Valkey answers', async () => (await cli('PING').catch(() => '')) === 'PONG')
  }
  async function stop() {
    valkey.kill('SIGKILL')
    await valkey.exited
  }
  async function cli(...command: string[]): Promise<unknown> {
    const client = new Bun.RedisClient(url, { autoReconnect: false, enableOfflineQueue: false, connectionTimeout: 500 })
    try {
      await client.connect()
      return await client.send(command[0]!, command.slice(1))
    } finally {
      client.close()
    }
  }
  const dump = join(folder, 'dump.rdb')

  const serve = () =>
    serveOn(
      { ...databases.at(-1)!, settings: async () => ({ DATA_DIR: temporaryFolder(), DATABASE_URL: databaseUrl }) },
      { AUTH: 'off', SECOND_TIER: 'valkey', REDIS_URL: url },
    )
  const lookups = async (server: TestServer, tier: string) =>
    Number(new RegExp(`tier="${tier}"\\} (\\d+)`).exec((await server.get('/metrics')).text)?.[1] ?? 'NaN')
  const make = async (original_url = 'https://example.com/made') =>
    (await one.post('/urls', { original_url })).body as { id: number; short_code: string }
  const go = async (server: TestServer, code: string) => (await server.get(`/${code}`)).headers.get('location')
  /** True where a link that the other replica looked up comes out of Valkey. */
  const isShared = async () => {
    const link = await make()
    await go(one, link.short_code)
    await Bun.sleep(30)
    const before = await lookups(two, 'shared')
    expect(await go(two, link.short_code)).toBe('https://example.com/made')
    return (await lookups(two, 'shared')) === before + 1
  }

  beforeAll(async () => {
    atEnd(() => valkey?.kill('SIGKILL'))
    port = await freePort()
    url = `redis://127.0.0.1:${port}`
    await start()
    databaseUrl = await (await sharedCluster()).createDatabase()
    sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
    one = await serve()
    two = await serve()
    await until('the caches are in step', isShared)
  })
  afterAll(async () => {
    valkey.kill('SIGCONT')
    await one.stop()
    await two.stop()
    await sql.end()
    await stop()
  })

  test('answers one replica with what another looked up', () => until('what one looked up comes out of Valkey', isShared))

  test.each(['a change', 'a change without a notice', 'a deletion'])(
    '%s is obeyed at once here, and within a second there',
    async (what) => {
      const link = await make()
      for (const server of [one, two]) expect(await go(server, link.short_code)).toBe('https://example.com/made')
      const to = what === 'a deletion' ? null : 'https://example.com/new'
      if (what === 'a change') await one.call('PUT', `/urls/${link.id}`, { original_url: to })
      else if (what === 'a deletion') await one.call('DELETE', `/urls/${link.id}`)
      else await sql`update urls set original_url = ${to} where id = ${link.id}`
      if (what !== 'a change without a notice') expect(await go(one, link.short_code)).toBe(to)
      for (const server of [one, two]) await until('it obeys', async () => (await go(server, link.short_code)) === to)
    },
  )

  test('never takes an old version for a newer one', async () => {
    const { log } = quiet()
    const database = await openDatabase(readConfig({ DATA_DIR: temporaryFolder(), DATABASE_URL: databaseUrl }, {}), log)
    await new Promise<void>((up) => database.onUp(up))
    const cache = await openSharedCache({ url, database, log })
    const order = (version: number) => target('order', { location: `https://example.com/${version}`, version })
    await cache.restart()
    await cache.apply([order(2)], await database.run((pool) => positionNow(pool)))
    for (const version of [1, 9, 10, 3, 2]) await cache.apply([order(version)])
    await until('it is in step', async () => (await cache.get('order')) !== undefined)
    expect(await cache.get('order')).toEqual(order(10))
    cache.close()
    await database.close()
  })

  test.each(['javascript:alert(1)', 'data:text/html,hello'])('with %s as a target makes no redirect', async (target) => {
    const [inDatabase, inCache] = [await make(), await make()]
    for (const link of [inDatabase, inCache]) await go(one, link.short_code)
    await sql`update urls set original_url = ${target} where id = ${inDatabase.id}`
    await until('it is refused', async () => (await one.get(`/${inDatabase.short_code}`)).status === 404)
    const [key] = (await cli('KEYS', `waypost:*:${inCache.short_code}`)) as string[]
    const poisoned = { code: inCache.short_code, id: inCache.id, location: target, active: true, version: 9 }
    await cli('HSET', key!, 'v', '9', 't', JSON.stringify(poisoned))
    const before = await lookups(two, 'shared')
    for (const link of [inDatabase, inCache]) expect((await two.get(`/${link.short_code}`)).status).toBe(404) // its memory knows neither
    expect(await lookups(two, 'shared')).toBeGreaterThan(before)
  })

  test('stopped is a miss: redirects keep working, changes apply, and Valkey is used again when it is back, without a restart', async () => {
    const link = await make()
    await go(one, link.short_code)
    await stop()
    await until('it counts how long', async () => alertOf(await one.get('/api/alerts')).value > 0)
    for (let i = 0; i < 20; i++) {
      const fresh = await make(`https://example.com/${i}`)
      for (const server of [one, two]) expect(await go(server, fresh.short_code)).toBe(`https://example.com/${i}`)
    }
    await one.call('PUT', `/urls/${link.id}`, { original_url: 'https://example.com/new' })
    for (const server of [one, two])
      await until('it obeys', async () => (await go(server, link.short_code)) === 'https://example.com/new')
    const isInMemory = async () => (await one.get(`/${link.short_code}`)).headers.get('x-cache') === 'HIT'
    await until('memory is in step without Valkey', isInMemory)
    await start()
    await until('it is used again', isShared)
    await until('it is not away any more', async () => alertOf(await one.get('/api/alerts')).value === 0)
  })

  test('frozen delays nobody, and is used again when it continues', async () => {
    valkey.kill('SIGSTOP')
    try {
      const links = await Promise.all(Array.from({ length: 50 }, () => make()))
      const answers = await Promise.all(links.map((link) => go(two, link.short_code)))
      expect(answers.every((to) => to === 'https://example.com/made')).toBe(true)
      await one.call('PUT', `/urls/${links[0]!.id}`, { is_active: false })
      await until('the other obeys', async () => (await go(two, links[0]!.short_code)) === null)
    } finally {
      valkey.kill('SIGCONT')
    }
    await until('it is used again', isShared)
  })

  test('that accepts connections and responds too late counts as unreachable all the time', async () => {
    const wire = await wireTo(port)
    wire.slow(100)
    const slow = openValkey({ url: `redis://127.0.0.1:${wire.port}`, log: quiet().log, name: 'it', without: 'nothing' })
    const asking = setInterval(() => void slow.ask((client) => client.send('PING', [])), 20)
    try {
      await until('it connected for the third time', () => slow.figures().rebuilt >= 3)
      expect(slow.figures().away).toBeGreaterThan(1_000) // the two pauses before the second and the third
      wire.heal()
      await until('it answers', () => slow.figures().away === 0)
    } finally {
      clearInterval(asking)
      slow.close()
      wire.close()
    }
  })

  test('back with what it had an hour ago makes up for what it missed before it is believed', async () => {
    const [changed, deleted] = [await make(), await make()]
    for (const link of [changed, deleted]) await go(one, link.short_code)
    await until('a position is written', async () => (await cli('EXISTS', 'waypost:position')) === 1)
    await cli('SAVE')
    copyFileSync(dump, join(folder, 'old.rdb'))
    await one.call('PUT', `/urls/${changed.id}`, { original_url: 'https://example.com/new' })
    await one.call('DELETE', `/urls/${deleted.id}`)
    await stop()
    copyFileSync(join(folder, 'old.rdb'), dump)
    await start()
    await until('it is used again', isShared)
    const three = await serve() // whose memory is empty
    try {
      expect(await go(three, changed.short_code)).toBe('https://example.com/new')
      expect(await go(three, deleted.short_code)).toBeNull()
    } finally {
      await three.stop()
    }
  })

  test('that does not say how old it is is emptied, and what others wrote into it makes no redirect fail', async () => {
    const link = await make()
    await go(one, link.short_code)
    const [key] = (await cli('KEYS', `waypost:*:${link.short_code}`)) as string[]
    const old = { code: link.short_code, id: 1, location: 'https://old.example/', active: true, version: 99 }
    await cli('HSET', key!, 'v', '99', 't', JSON.stringify(old))
    await cli('DEL', 'waypost:position')
    await cli('SAVE')
    await stop()
    await start()
    await until('it is used again', isShared)
    expect(await cli('EXISTS', key!)).toBe(0)
    await cli('HSET', key!, 'v', '1', 't', '{ not JSON')
    const three = await serve()
    try {
      expect(await go(three, link.short_code)).toBe('https://example.com/made')
    } finally {
      await three.stop()
    }
  })
})
