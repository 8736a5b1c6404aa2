// Rate limits: what they count, whom they count it against, that they never grow, and that replicas share them. On a real redis-server.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { createBuckets } from '../src/access/limits/buckets.ts'
import { limitedAddress } from '../src/access/limits/client.ts'
import { createLimits } from '../src/access/limits/limits.ts'
import { rateOf } from '../src/base/rate.ts'
import { readConfig } from '../src/config/config.ts'
import { openExchange } from '../src/http/exchange.ts'
import { NOBODY, type Principal } from '../src/http/principal.ts'
import { createMetrics } from '../src/telemetry/metrics.ts'
import { atEnd } from './at-end.ts'
import { databases, quiet } from './databases.ts'
import { freePort } from './postgres.ts'
import { serveOn, type TestServer } from './server.ts'
import { until } from './until.ts'
import { exchange } from './wire.ts'

const kind = databases.at(-1)!
const TOKEN = 'the-operator-of-this-test'

describe('a rate', () => {
  test.each([
    ['60/min', 60, 60],
    ['10/s', 10, 1],
    ['1000/H', 1000, 3_600],
    ['7/day', 7, 86_400],
  ])('%s is %d in %d s', (text, count, seconds) => {
    const { count: n, window, cost } = rateOf(text)!
    expect([n, window]).toEqual([count, seconds * 1e6])
    expect(cost * count).toBeLessThanOrEqual(window)
  })
  test('off means no limit', () => expect(rateOf('Off')).toBeUndefined())
  test.each(['', '60', '60/', '/min', '0/min', '-1/s', '1.5/s', '60/month', '1000001/s', '60/min/s', 'none', 'NaN/s'])(
    '%j is refused by name',
    (text) => {
      const settings = text === '' ? undefined : () => readConfig({}, { RATE_CREATE: text })
      expect(settings ?? (() => rateOf(''))).toThrow(/must look like 60\/min/)
    },
  )
})

describe('an address counts', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7'],
    ['192.0.2.7:51034', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::ffff:c000:207', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::1', '2001:db8:1:2::/64'],
    ['[2001:db8:1:2::9]:443', '2001:db8:1:2::/64'],
    ['2001:db8:1:3::1', '2001:db8:1:3::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['1::', '1:0:0:0::/64'],
    ['', 'unknown'],
    ['somebody', 'unknown'],
    ['2001:db8::1::2', 'unknown'],
  ])('%s as %s', (text, expected) => expect(limitedAddress(text)).toBe(expected))
})

describe('buckets', () => {
  test.each(['1/s', '3/s', '7/min', '60/min', '999/h'])(
    'at %s give the whole window at once, then one each time it refills',
    (text) => {
      let now = 5_000_000
      const buckets = createBuckets(() => now)
      const rate = rateOf(text)!
      for (let i = 0; i < rate.count; i++) expect(buckets.take('one', rate).allowed).toBe(true)
      const refused = buckets.take('one', rate)
      expect(refused.allowed).toBe(false)
      expect(buckets.peek('two', rate)).toEqual({ allowed: true, ahead: 0 })
      now += refused.ahead + rate.cost - rate.window // what Retry-After says
      expect([buckets.take('one', rate).allowed, buckets.take('one', rate).allowed]).toEqual([true, false])
      now += rate.window
      for (let i = 0; i < rate.count; i++) expect(buckets.take('one', rate).allowed).toBe(true)
    },
  )

  test('to look takes nothing', () => {
    const buckets = createBuckets(() => 1)
    const rate = rateOf('1/s')!
    for (let i = 0; i < 5; i++) expect(buckets.peek('one', rate).allowed).toBe(true)
    buckets.take('one', rate)
    expect(buckets.peek('one', rate).allowed).toBe(false)
  })

  test('a million addresses take no more memory than none, and do not free those over the limit', () => {
    const buckets = createBuckets(() => 1)
    const rate = rateOf('60/min')!
    const heavy = Array.from({ length: 100 }, (_, i) => `heavy ${i}`)
    for (const key of heavy) for (let i = 0; i < 60; i++) buckets.take(key, rate)
    const flood = () => {
      for (let i = 0; i < 1_000_000; i++) buckets.take(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, rate)
      Bun.gc(true)
      return process.memoryUsage().rss
    }
    const taken = [flood(), flood(), flood(), flood()] // others come, or the same again: nothing is added, but for what this process takes by itself
    expect(buckets.bytes).toBeLessThan(4 * 1024 * 1024)
    expect(Math.min(...taken.slice(1).map((bytes, i) => bytes - taken[i]!))).toBeLessThan(32 * 1024 * 1024)
    expect(heavy.filter((key) => buckets.peek(key, rate).allowed)).toEqual([])
  })
})

/** Limits alone, for callers that a server has no credentials for. */
function limitsOf(settings: Record<string, string>, keyed = true) {
  const metrics = createMetrics()
  const limits = createLimits({
    config: readConfig({}, settings),
    log: quiet().log,
    metrics,
    peers: { requestIP: () => ({ address: '192.0.2.1' }) },
    keyed: () => keyed,
    bearerOf: () => undefined,
  })
  return { limits, metrics }
}

/** A request of the key with this id, of the `admin` token, or of nobody. */
function by(who?: number | 'admin') {
  const principal: Principal =
    who === 'admin'
      ? { by: 'admin-token', scope: 'admin' }
      : who
        ? { by: 'key', scope: 'write', key: { id: who, name: 'k' } }
        : NOBODY
  const request = new Request('http://localhost/')
  openExchange(request, { id: '', path: '/', origin: '', route: '', started: 0, principal })
  return request
}

describe('a limit counts', () => {
  test('a credential by itself, whatever its address; the operator never; everybody else by address', () => {
    const { limits } = limitsOf({ RATE_CREATE: '2/min' })
    const spent = (key?: number) => {
      for (let i = 0; i < 2; i++) limits.take('create', by(key))
      expect(() => limits.take('create', by(key))).toThrow('too many changes: try again in 30 s')
    }
    for (const key of [1, 2, undefined]) spent(key)
    for (let i = 0; i < 10; i++) limits.take('create', by('admin'))
  })

  test('unknown codes and wrong credentials by address, with a credential too', () => {
    const { limits } = limitsOf({ RATE_UNKNOWN: '1/min', RATE_SIGN_IN: '1/min' })
    for (const kind of ['unknown', 'sign-in'] as const) {
      limits.take(kind, by(1))
      expect(() => limits.take(kind, by(2))).toThrow('too many')
      expect(() => limits.assertLeft(kind, by())).toThrow('too many')
    }
  })

  test('each kind by itself', () => {
    const { limits } = limitsOf({ RATE_CREATE: '1/min', RATE_READ: '1/min' })
    limits.take('create', by())
    limits.take('read', by())
    expect(() => limits.take('read', by())).toThrow('too many requests')
  })

  test.each([
    { name: 'by default where there is a credential', keyed: true, settings: {}, limited: true },
    { name: 'not in open mode', keyed: false, settings: {}, limited: false },
    { name: 'in open mode where it is set', keyed: false, settings: { RATE_READ: '1200/min' }, limited: true },
    { name: 'not where it is off', keyed: true, settings: { RATE_READ: 'off' }, limited: false },
  ])('$name', ({ keyed, settings, limited }) => {
    const { limits } = limitsOf(settings as Record<string, string>, keyed)
    const all = () => {
      for (let i = 0; i < 2_000; i++) limits.take('read', by())
    }
    if (limited) expect(all).toThrow('too many requests')
    else all()
  })
})

describe('a server', () => {
  let server: TestServer
  const serve = async (settings: Record<string, string>) => (server = await serveOn(kind, settings))
  afterEach(() => server.stop())
  const statuses = async (n: number, ask: (i: number) => Promise<{ status: number }>) => {
    const counted: Record<number, number> = {}
    for (let i = 0; i < n; i++) {
      const { status } = await ask(i)
      counted[status] = (counted[status] ?? 0) + 1
    }
    return counted
  }
  const anonymous = { authorization: '' }

  test('says what is left, and 429 with when to come again', async () => {
    await serve({ AUTH: 'off', RATE_CREATE: '3/min', RATE_READ: '5/min' })
    const first = await server.post('/urls', { original_url: 'https://example.com/' })
    expect([first.status, first.headers.get('ratelimit-policy'), first.headers.get('ratelimit')]).toEqual([
      201,
      '"create";q=3;w=60',
      '"create";r=2;t=20',
    ])
    expect(await statuses(3, () => server.post('/shorten', {}))).toEqual({ 400: 2, 429: 1 })
    const refused = await server.call('DELETE', '/urls/1')
    expect([refused.status, refused.body.error]).toEqual([429, expect.stringMatching(/^too many changes: try again in \d+ s$/)])
    expect(Number(refused.headers.get('retry-after'))).toBeWithin(1, 21)
    expect(refused.headers.get('ratelimit')).toStartWith('"create";r=0;t=')
    expect(refused.headers.get('content-type')).toBe('application/json')
    expect(await statuses(6, () => server.get('/urls'))).toEqual({ 200: 5, 429: 1 })
    expect((await server.get('/metrics')).status).toBe(429)
    expect(await statuses(20, () => server.get('/health'))).toEqual({ 200: 20 })
    expect(await statuses(20, () => server.get('/ready'))).toEqual({ 200: 20 })
  })

  test('with ADMIN_TOKEN limits unknown codes, wrong and missing tokens, but neither the operator nor known links', async () => {
    await serve({ ADMIN_TOKEN: TOKEN, RATE_UNKNOWN: '60/day', RATE_SIGN_IN: '10/day' }) // nothing is refilled during the test
    const { short_code } = (await server.post('/urls', { original_url: 'https://example.com/' })).body
    const off = (await server.post('/urls', { original_url: 'https://example.com/off' })).body
    await server.call('DELETE', `/urls/${off.id}?soft=true`)

    const paths = (i: number) => [`/nobody${i}`, `/nobody${i}+`, `/urls/nobody${i}`, `/urls/nobody${i}/redirect`][i % 4]!
    expect(await statuses(64, (i) => server.get(paths(i), anonymous))).toEqual({ 404: 60, 429: 4 })
    expect(await statuses(100, () => server.get(`/${short_code}`, anonymous))).toEqual({ 302: 100 })
    expect(await statuses(5, () => server.get(`/${off.short_code}`, anonymous))).toEqual({ 404: 5 })
    const page = await server.get('/nobody', { ...anonymous, accept: 'text/html' })
    expect([page.status, page.text.includes('Too many requests')]).toEqual([429, true])

    expect((await server.get('/urls', anonymous)).status).toBe(401) // counts as a read, of which there are more
    const changes = await statuses(350, () => server.post('/shorten', {}, anonymous))
    expect(changes[429]).toBeGreaterThan(20) // 300 at once, and five more each second that this takes
    expect(changes[401]! + changes[429]!).toBe(350)

    expect(await statuses(400, () => server.post('/shorten', {}))).toEqual({ 400: 400 })
    expect(await statuses(5, () => server.get('/nobody'))).toEqual({ 404: 5 })
    const { key } = (await server.post('/api/keys', { name: 'prometheus', scope: 'metrics' })).body
    const wrong = { authorization: 'Bearer a-guess-of-somebody' }
    expect(await statuses(12, () => server.get('/urls', wrong))).toEqual({ 401: 10, 429: 2 })
    expect((await server.call('POST', '/chaos', {}, { authorization: '', 'x-chaos-token': 'a-guess' })).status).toBe(429)
    const { text } = await server.get('/metrics', { authorization: `Bearer ${key}` })
    for (const [limit, value] of Object.entries({ create: changes[429], read: 0, 'sign-in': 3, unknown: 5, redirect: 0 }))
      expect(text).toContain(`waypost_rate_limited_total{limit="${limit}"} ${value}\n`)
  })

  describe('looks at the limit before it compares a secret', () => {
    const CHAOS_TOKEN = 'break-it-on-purpose'
    const METRICS_TOKEN = 'the-scraper-of-this-test'
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
    const SECRETS: {
      name: string
      right: (server: TestServer) => Promise<{ status: number; headers: Headers }>
      status: number
    }[] = [
      { name: 'ADMIN_TOKEN', right: (server) => server.get('/users', bearer(TOKEN)), status: 200 },
      { name: 'METRICS_TOKEN', right: (server) => server.get('/metrics', bearer(METRICS_TOKEN)), status: 200 },
      {
        name: 'CHAOS_TOKEN',
        right: (server) => server.call('DELETE', '/chaos', undefined, { ...anonymous, 'x-chaos-token': CHAOS_TOKEN }),
        status: 204,
      },
      { name: 'a sign-in', right: (server) => server.post('/api/session', { token: TOKEN }, anonymous), status: 201 },
      {
        name: 'a sign-in in another spelling',
        right: (server) => server.post('/api/session/', { token: TOKEN }, anonymous),
        status: 201,
      },
    ]
    const GUESSES: { name: string; guess: (server: TestServer, i: number) => Promise<{ status: number }>; status?: number }[] = [
      { name: 'a Bearer token', guess: (server, i) => server.get('/users', bearer(`a-guess-${i}`)) },
      { name: 'a key', guess: (server, i) => server.get('/users', bearer(`wp_${String(i).padStart(43, 'x')}`)) },
      {
        name: 'a chaos token',
        guess: (server, i) => server.call('GET', '/chaos', undefined, { ...anonymous, 'x-chaos-token': `guess${i}` }),
      },
      {
        name: 'a chaos token at /chaos/',
        guess: (server, i) => server.post('/chaos/', {}, { ...anonymous, 'x-chaos-token': `guess${i}` }),
      },
      { name: 'a sign-in', guess: (server, i) => server.post('/api/session', { token: `a-guess-${i}` }, anonymous) },
      {
        name: 'a sign-in at /api/session/',
        guess: (server, i) => server.post('/api/session/', { token: `a-guess-${i}` }, anonymous),
      },
      {
        name: 'a Bearer token for a public route',
        guess: (server, i) => server.get(`/nobody-${i}`, bearer(`a-guess-${i}`)),
        status: 404,
      },
      {
        name: 'a signature of a replica',
        guess: (server, i) => server.get('/api/fleet', { ...anonymous, 'x-waypost-fleet': forged(i) }),
      },
    ]
    const forged = (i: number) => `v1 ${crypto.randomUUID()} ${Date.now()} ${String(i).padStart(32, '0')} ${'A'.repeat(43)}`

    test.each(GUESSES)(
      '$name: after ten wrong ones the right of every kind gets 429, a key and a session go on',
      async ({ guess, status = 401 }) => {
        await serve({
          ADMIN_TOKEN: TOKEN,
          CHAOS_TOKEN,
          METRICS_TOKEN,
          FLEET_TOKEN: 'the-fleet-of-this-test',
          RATE_SIGN_IN: '10/day',
        })
        for (const { right, status } of SECRETS) expect((await right(server)).status).toBe(status) // and right ones count nothing
        const { key } = (await server.post('/api/keys', { name: 'script', scope: 'admin' })).body
        const signedIn = await server.post('/api/session', { token: TOKEN })
        const cookie = signedIn.headers.get('set-cookie')!.split(';')[0]!
        const guesses = await Promise.all(Array.from({ length: 40 }, (_, i) => guess(server, i))) // together: none of them waits for another to be counted
        const counted = guesses.filter((answer) => answer.status === status).length
        expect([counted, guesses.filter((answer) => answer.status === 429).length]).toEqual(status === 404 ? [40, 0] : [10, 30])
        for (const { name, right } of SECRETS) {
          const answer = await right(server)
          expect([name, answer.status, Number(answer.headers.get('retry-after')) > 0]).toEqual([name, 429, true])
        }
        expect((await server.get('/users', bearer(key))).status).toBe(200)
        expect((await server.get('/users', { ...anonymous, cookie })).status).toBe(200)
        expect((await server.get('/health', bearer(TOKEN))).status).toBe(200)
      },
    )
  })

  test('no spelling of a path escapes the limit on secrets', async () => {
    const CHAOS_TOKEN = 'break-it-on-purpose'
    await serve({ ADMIN_TOKEN: TOKEN, CHAOS_TOKEN, RATE_SIGN_IN: '10/day' })
    for (let i = 0; i < 10; i++) await server.post('/api/session', { token: `a-guess-${i}` }, anonymous)
    const spelled = (route: string) => [
      ...[
        route,
        `${route}/`,
        `${route}//`,
        `/${route}`,
        route.toUpperCase(),
        `${route};x=1`,
        `${route}?x=1`,
        `${route}/?`,
        `${route}#x`,
      ],
      ...[
        route.replace('s', '%73'),
        `${route}%2f`,
        `${route}%2F`,
        `${route}/.`,
        `${route}%00`,
        `/.${route}`,
        `/x/..${route}`,
        `/x/%2e%2e${route}`,
      ],
      ...[route.replaceAll('/', '\\'), `http://localhost${route}`, `${route}\\`],
    ]
    const sent = async (method: string, path: string, header: string, body: string) => {
      const request = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${header}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
      const { status } = await exchange(server.config.PORT, request)
      return `${path} ${status}`
    }
    for (const path of spelled('/api/session'))
      expect(await sent('POST', path, 'X-A: b', JSON.stringify({ token: TOKEN }))).toMatch(/ 4\d\d$/)
    for (const path of spelled('/chaos'))
      expect(await sent('DELETE', path, `X-Chaos-Token: ${CHAOS_TOKEN}`, '')).toMatch(/ 4\d\d$/)
    for (const path of [...spelled('/users'), ...spelled('/api/config')])
      expect(await sent('GET', path, `Authorization: Bearer ${TOKEN}`, '')).toMatch(/ 4\d\d$/)
  })

  test('limits redirects where that is set, known links too', async () => {
    await serve({ AUTH: 'off', RATE_REDIRECT: '10/h' })
    const { short_code } = (await server.post('/urls', { original_url: 'https://example.com/' })).body
    const ways = (i: number) => [`/${short_code}`, `/${short_code}+`, `/urls/${short_code}`, `/nobody${i}`][i % 4]!
    expect(await statuses(14, (i) => server.get(ways(i)))).toEqual({ 302: 5, 200: 3, 404: 2, 429: 4 })
    const refused = await server.get(`/${short_code}`)
    expect([refused.status, refused.headers.get('ratelimit-policy')]).toEqual([429, '"redirect";q=10;w=3600'])
  })

  test('in open mode limits nothing', async () => {
    await serve({})
    expect(await statuses(200, (i) => server.get(`/nobody${i}`))).toEqual({ 404: 200 })
    const { headers } = await server.get('/urls')
    expect(headers.get('ratelimit')).toBeNull()
  })

  test.each([
    {
      hops: '0',
      name: 'counts nothing that a client says of itself',
      chains: [['1.1.1.1'], ['2.2.2.2'], ['3.3.3.3, 4.4.4.4']],
      distinct: 1,
    },
    {
      hops: '1',
      name: 'counts the last entry, whatever stands before it',
      chains: [['9.9.9.9'], ['1.1.1.1, 9.9.9.9'], ['x,,  9.9.9.9'], ['1.1.1.1', '9.9.9.9']],
      distinct: 1,
    },
    { hops: '1', name: 'tells clients apart', chains: [['1.1.1.1'], ['2.2.2.2'], ['2001:db8::1']], distinct: 3 },
    { hops: '1', name: 'takes a /64 for one', chains: [['2001:db8::1'], ['2001:db8::2'], ['2001:db8::ffff:1']], distinct: 1 },
    {
      hops: '2',
      name: 'counts the second from the right',
      chains: [['9.9.9.9, 10.0.0.1'], ['1.1.1.1, 9.9.9.9, 10.0.0.2'], ['2.2.2.2', '9.9.9.9', '10.0.0.3']],
      distinct: 1,
    },
    { hops: '2', name: 'tells those apart', chains: [['1.1.1.1, 10.0.0.1'], ['2.2.2.2, 10.0.0.1']], distinct: 2 },
  ])('with TRUSTED_PROXIES=$hops $name', async ({ hops, chains, distinct }) => {
    await serve({ AUTH: 'off', RATE_CREATE: '1/h', TRUSTED_PROXIES: hops })
    const answered: number[] = []
    for (const chain of chains) {
      const forwarded = chain.map((entry) => `X-Forwarded-For: ${entry}\r\n`).join('')
      const request = `POST /shorten HTTP/1.1\r\nHost: localhost\r\n${forwarded}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`
      answered.push((await exchange(server.config.PORT, request)).status)
    }
    expect(answered.filter((status) => status === 400)).toHaveLength(distinct)
    expect(answered.filter((status) => status === 429)).toHaveLength(chains.length - distinct)
    const lines = JSON.stringify(server.ring.read({ limit: 200 }))
    expect(lines).not.toMatch(/9\.9\.9\.9|2001:db8/) // the log never holds an address
    expect(lines.includes('behind a proxy set TRUSTED_PROXIES')).toBe(hops === '0')
  })
})

const binary = Bun.which('valkey-server') ?? Bun.which('redis-server')
if (!binary) console.warn('SKIPPED: rate limits shared through Valkey (no valkey-server or redis-server)')

describe.skipIf(!binary)('through Valkey', () => {
  let port: number
  let valkey: Bun.Subprocess
  let one: TestServer
  let two: TestServer
  const url = () => `redis://127.0.0.1:${port}`

  async function start() {
    valkey = Bun.spawn([binary!, '--port', String(port), '--bind', '127.0.0.1', '--save', ''], {
      stdout: 'ignore',
      stderr: 'ignore',
    })
    const child = valkey
    atEnd(() => child.kill('SIGKILL'))
  }
  async function shared(server: TestServer, expected: 0 | 1) {
    await until(`rate_limits_shared ${expected}`, async () =>
      (await server.get('/metrics')).text.includes(`waypost_rate_limits_shared ${expected}\n`),
    )
  }
  /** Each address is a client of its own. */
  const change = async (server: TestServer, address: string) =>
    (await server.post('/shorten', {}, { 'x-forwarded-for': address })).status
  const command = async (...[name, ...rest]: [string, ...string[]]) => {
    const client = new Bun.RedisClient(url(), { autoReconnect: false })
    try {
      return await client.send(name, rest)
    } finally {
      client.close()
    }
  }

  beforeAll(async () => {
    port = await freePort()
    await start()
    const settings = { AUTH: 'off', RATE_CREATE: '6/h', TRUSTED_PROXIES: '1', REDIS_URL: url() }
    one = await serveOn(kind, settings)
    two = await serveOn(kind, settings)
    await Promise.all([shared(one, 1), shared(two, 1)])
  })
  afterAll(async () => {
    await Promise.all([one?.stop(), two?.stop()])
    valkey?.kill('SIGKILL')
  })

  test('two replicas share one bucket, also when asked at once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => change(i % 2 ? one : two, '192.0.2.1')))
    expect(answers.filter((status) => status === 400)).toHaveLength(6)
    expect(answers.filter((status) => status === 429)).toHaveLength(14)
    expect(await change(one, '192.0.2.2')).toBe(400)
  })

  test('what lies there names no address, and goes by itself', async () => {
    const keys = (await command('KEYS', '*')) as string[]
    expect(keys.length).toBeGreaterThanOrEqual(2)
    for (const key of keys) {
      expect(key).toMatch(/^waypost:limit:[\w-]{22}$/)
      expect(Number(await command('PTTL', key))).toBeWithin(1, 3_600_001)
    }
  })

  test('clients over the limit cause no more queries to Valkey', async () => {
    while ((await change(one, '192.0.2.3')) !== 429);
    const before = String(await command('INFO', 'commandstats'))
    for (let i = 0; i < 10; i++) expect(await change(one, '192.0.2.3')).toBe(429)
    const evals = (info: string) => /cmdstat_eval:calls=(\d+)/.exec(info)![1]
    expect(evals(String(await command('INFO', 'commandstats')))).toBe(evals(before))
  })

  test('frozen, each replica counts by itself, from its last state; and together again when it continues', async () => {
    for (let i = 0; i < 5; i++) await change(one, '192.0.2.4')
    valkey.kill('SIGSTOP')
    try {
      expect([await change(one, '192.0.2.4'), await change(one, '192.0.2.4')]).toEqual([400, 429])
      expect(await change(two, '192.0.2.4')).toBe(400) // it knew nothing of it
      await Promise.all([shared(one, 0), shared(two, 0)])
    } finally {
      valkey.kill('SIGCONT')
    }
    await Promise.all([shared(one, 1), shared(two, 1)])
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => change(i % 2 ? one : two, '192.0.2.5')))
    expect(answers.filter((status) => status === 400)).toHaveLength(6)
  })

  test('killed and started again, with nothing in it, the same', async () => {
    for (let i = 0; i < 6; i++) await change(one, '192.0.2.6')
    valkey.kill('SIGKILL')
    await valkey.exited
    await Promise.all([shared(one, 0), shared(two, 0)])
    expect(await change(one, '192.0.2.6')).toBe(429)
    const alone = await Promise.all(Array.from({ length: 14 }, (_, i) => change(i % 2 ? one : two, '192.0.2.7')))
    expect(alone.filter((status) => status === 400)).toHaveLength(12) // six of each
    await start()
    await Promise.all([shared(one, 1), shared(two, 1)])
    expect(await change(one, '192.0.2.6')).toBe(429)
    const together = await Promise.all(Array.from({ length: 14 }, (_, i) => change(i % 2 ? one : two, '192.0.2.8')))
    expect(together.filter((status) => status === 400)).toHaveLength(6)
  })

  test('with something else under its key it refuses nobody, and says so', async () => {
    await change(one, '192.0.2.9')
    const keys = (await command('KEYS', 'waypost:limit:*')) as string[]
    for (const key of keys) {
      await command('DEL', key)
      await command('LPUSH', key, 'x')
    }
    expect(await change(one, '192.0.2.9')).toBe(400)
    expect(JSON.stringify(one.ring.read({ limit: 200 }))).toContain('the Valkey of the rate limits gave no answer')
  })
})
