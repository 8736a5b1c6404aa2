// What the console tells of the server itself: what runs, with which settings, and as whom it knows the caller.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import manifest from '../package.json'
import { settings } from '../src/config/settings.ts'
import { callerOf } from '../src/server/about/caller.ts'
import { databases } from './databases.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'

const ADMIN_TOKEN = 'an-operators-long-token'
const CHAOS_TOKEN = 'break-it-on-purpose'

describe.each(databases)('on the $name database', (kind) => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind, { ADMIN_TOKEN, CHAOS_TOKEN, ...UNLIMITED })
  })
  afterAll(() => server.stop())

  test('/api/about says what runs', async () => {
    const { status, body } = await server.get('/api/about')
    expect([status, body.version, body.bun, body.embedded]).toEqual([
      200,
      manifest.version,
      Bun.version,
      kind.name === 'embedded',
    ])
    const [row] = await server.database.run((sql) => sql<{ server_version: string }[]>`show server_version`)
    expect(body.postgres).toBe(row!.server_version)
    expect(body.licences).toContainEqual({ name: 'bun', version: Bun.version, licence: 'MIT' })
    expect(body.licences).toContainEqual({ name: 'elysia', version: manifest.dependencies.elysia, licence: 'MIT' })
    for (const one of body.licences)
      expect(one).toEqual({ name: expect.any(String), version: expect.any(String), licence: expect.any(String) })
  })

  test('/api/about responds while the database is unreachable', async () => {
    await server.post('/chaos', { fault: 'database', duration: 60 }, { 'x-chaos-token': CHAOS_TOKEN })
    const { status, body } = await server.get('/api/about')
    expect([status, body.postgres]).toEqual([200, null])
    await server.call('DELETE', '/chaos', undefined, { 'x-chaos-token': CHAOS_TOKEN })
    while (server.database.state() !== 'up') await Bun.sleep(20)
  })

  test('/api/config lists every setting with its source, and no secret', async () => {
    const { status, body, text } = await server.get('/api/config')
    expect(status).toBe(200)
    expect(body.settings.map(({ name }: { name: string }) => name)).toEqual(Object.keys(settings))
    const setting = (wanted: string) => body.settings.find(({ name }: { name: string }) => name === wanted)
    expect(setting('PORT')).toMatchObject({ value: String(server.config.PORT), secret: false, set: true, source: 'flag' })
    expect(setting('CACHE_ENTRIES')).toMatchObject({ value: '100000', set: true, source: 'default' })
    expect(setting('LANDING_URL')).toMatchObject({ value: null, set: false, source: 'default', help: settings.LANDING_URL.help })
    expect(setting('ADMIN_TOKEN')).toMatchObject({ value: null, secret: true, set: true, source: 'flag' })
    expect(setting('REDIS_URL')).toMatchObject({ value: null, secret: true, set: false })
    for (const secret of [ADMIN_TOKEN, CHAOS_TOKEN, server.config.DATABASE_URL ?? ADMIN_TOKEN]) expect(text).not.toContain(secret)
  })

  test('/api/config knows its caller by the connection', async () => {
    const { caller } = (await server.get('/api/config', { 'x-forwarded-for': '203.0.113.7' })).body
    expect(caller).toMatchObject({
      address: '127.0.0.1',
      found_in: 'connection',
      connection: '127.0.0.1',
      forwarded_for: '203.0.113.7',
      trusted_proxies: 0,
      note: expect.stringContaining('TRUSTED_PROXIES is 0'),
    })
  })

  test('/api/config is for admins alone', async () => {
    const { key } = (await server.post('/api/keys', { name: 'writer', scope: 'write' })).body
    for (const [path, expected] of [
      ['/api/config', 403],
      ['/api/about', 200],
      ['/api/alerts', 200],
      ['/api/chaos', 200],
    ] as const)
      expect([path, (await server.get(path, { authorization: `Bearer ${key}` })).status]).toEqual([path, expected])
    const test = await server.post('/api/alerts/high_latency/test', undefined, { authorization: `Bearer ${key}` })
    expect(test.status).toBe(403)
  })
})

describe('behind proxies', () => {
  const CASES: { proxies: number; chain?: string; address: string; by: string; note: RegExp | null }[] = [
    { proxies: 0, address: '10.0.0.1', by: 'connection', note: null },
    { proxies: 0, chain: '203.0.113.7', address: '10.0.0.1', by: 'connection', note: /is ignored/ },
    { proxies: 1, chain: '203.0.113.7', address: '203.0.113.7', by: 'X-Forwarded-For', note: null },
    {
      proxies: 1,
      chain: '198.51.100.1, 203.0.113.7',
      address: '203.0.113.7',
      by: 'X-Forwarded-For',
      note: /contains 2 addresses/,
    },
    { proxies: 2, chain: '203.0.113.7, 10.0.0.9', address: '203.0.113.7', by: 'X-Forwarded-For', note: null },
    { proxies: 2, chain: '203.0.113.7', address: '203.0.113.7', by: 'X-Forwarded-For', note: /only 1 added/ },
    { proxies: 1, chain: '203.0.113.7:51234', address: '203.0.113.7', by: 'X-Forwarded-For', note: null },
    { proxies: 1, chain: 'unknown', address: 'unknown', by: 'X-Forwarded-For', note: null },
    { proxies: 1, address: '10.0.0.1', by: 'connection', note: /only 0 added/ },
  ]
  test.each(CASES)('$proxies trusted, $chain', ({ proxies, chain, address, by, note }) => {
    const request = new Request('http://localhost/', { headers: chain ? { 'x-forwarded-for': chain } : {} })
    const caller = callerOf(request, { TRUSTED_PROXIES: proxies }, { requestIP: () => ({ address: '10.0.0.1' }) })
    expect(caller).toMatchObject({
      address,
      found_in: by,
      connection: '10.0.0.1',
      forwarded_for: chain ?? null,
      trusted_proxies: proxies,
    })
    if (note) expect(caller.note).toMatch(note)
    else expect(caller.note).toBeNull()
  })
})
