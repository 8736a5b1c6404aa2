// What an operator relies on: request ids, logs, draining, faults made on purpose, lists that are whole, and books that balance.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { connect } from 'node:net'
import { createAccessLog } from '../src/http/access-log.ts'
import { NOBODY } from '../src/http/principal.ts'
import { continueErasures } from '../src/links/erase.ts'
import { logStream } from '../src/telemetry/log-stream.ts'
import { createLog, createLogRing } from '../src/telemetry/logs.ts'
import { userStore } from '../src/users/store.ts'
import { startChild } from './child.ts'
import { type DatabaseKind, databases } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'
import { readAnswer } from './wire.ts'

setDefaultTimeout(30_000)
const embedded = databases[0]!
const target = 'https://example.com/a/page'
const WITHIN = 20_000

/** Waits until `look` is true; fails after 20 s. */
async function until(what: string, look: () => Promise<boolean> | boolean) {
  const deadline = Date.now() + WITHIN
  while (!(await look())) {
    if (Date.now() > deadline) throw new Error(`not within ${WITHIN} ms: ${what}`)
    await Bun.sleep(20)
  }
}

let server: TestServer // of the request ids and of the live tail
beforeAll(async () => {
  server = await serveOn(embedded)
})
afterAll(() => server.stop())

describe('request ids', () => {
  test.each(['a', 'req-2025.09:1_b', 'x'.repeat(64), '550e8400-e29b-41d4-a716-446655440000'])('%s is kept', async (id) => {
    for (const path of ['/users', '/users/99', '/nope', '/users/%zz']) {
      const { headers, body } = await server.get(path, { 'x-request-id': id })
      expect([path, headers.get('x-request-id')]).toEqual([path, id])
      if (path !== '/users') expect(body.request_id).toBe(id)
    }
    expect(server.ring.read({ limit: 1, filter: `"request_id":"${id}"` })).toHaveLength(1)
  })

  test.each(['x'.repeat(65), 'two words', '<script>', 'é', 'a"b', 'a,b', '{}'])(
    '%s is replaced by one of our own',
    async (id) => {
      const { headers, body } = await server.get('/users/99', { 'x-request-id': id })
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/)
      expect(body.request_id).toBe(headers.get('x-request-id'))
    },
  )

  test('no two of our own are the same', async () => {
    const ids = await Promise.all(
      Array.from({ length: 100 }, async () => (await server.get('/health')).headers.get('x-request-id')),
    )
    expect(new Set(ids).size).toBe(100)
  })
})

describe('the log ring', () => {
  const line = (message: string) => `${JSON.stringify({ level: 'info', time: 't', message })}\n`

  test('keeps the newest lines, and no more than it may', () => {
    const ring = createLogRing(5)
    for (let i = 0; i < 12; i++) ring.write(line(`m${i}`))
    expect(ring.read({ limit: 100 }).map(({ sequence, message }) => [sequence, message])).toEqual(
      [11, 10, 9, 8, 7].map((i) => [i, `m${i}`]),
    )
    expect(ring.read({ limit: 2 }).map(({ sequence }) => sequence)).toEqual([11, 10])
    expect(ring.read({ limit: 100, after: 9 }).map(({ sequence }) => sequence)).toEqual([11, 10])
  })

  test('keeps no more bytes than it may', () => {
    const size = line('x'.repeat(100)).trimEnd().length
    const ring = createLogRing(1_000, size * 3)
    for (let i = 0; i < 50; i++) ring.write(line('x'.repeat(100)))
    expect(ring.read({ limit: 100 }).map(({ sequence }) => sequence)).toEqual([49, 48, 47])
    ring.write(line('y')) // a short one drives out a long one only where there is no room
    expect(ring.read({ limit: 100 }).map(({ sequence }) => sequence)).toEqual([50, 49, 48])
    ring.write(line('z'.repeat(200)))
    const kept = ring.read({ limit: 100 })
    expect(kept[0]!.sequence).toBe(51)
    expect(kept.length).toBeLessThan(3)
  })

  test('keeps info and above whatever goes to standard output', () => {
    const ring = createLogRing()
    const log = createLog('fatal', ring, false)
    log.debug('d')
    log.info('i')
    log.warn('w')
    log.error('e')
    expect(ring.read({ limit: 9 }).map(({ level, message }) => `${level} ${message}`)).toEqual(['error e', 'warn w', 'info i'])
    expect(ring.read({ limit: 9, level: 'warn' })).toHaveLength(1)
  })

  test('the access log is bounded in a second, for failures too, and says how much it left out', () => {
    const ring = createLogRing()
    const logAccess = createAccessLog(createLog('fatal', ring, false))
    const at = (started: number, status: number) =>
      logAccess(
        { id: 'x', path: '/users', origin: '', route: '/users', started, principal: NOBODY },
        'GET',
        status,
        1,
        status < 500 ? undefined : new Error('why'),
      )
    for (let i = 0; i < 1_000; i++) at(5_000 + (i % 1_000), 200)
    for (let i = 0; i < 1_000; i++) at(5_999, 503)
    expect(ring.read({ limit: 9_999, level: 'info' })).toHaveLength(200)
    expect(ring.read({ limit: 9_999, level: 'error' })).toHaveLength(200) // not driven out by the thousand before
    at(6_000, 200)
    expect(ring.read({ limit: 2, level: 'info' })).toMatchObject([{ message: 'request' }, { lines: 1_600 }])
  })
})

test.each<[string, string, number, 'info' | 'debug']>([
  ['a probe', '/health', 200, 'debug'],
  ['a scrape', '/metrics', 200, 'debug'],
  ['a scrape under its other name', '/prometheus', 200, 'debug'],
  ['a probe that is told to wait', '/ready', 503, 'info'],
  ['a scrape without its token', '/metrics', 401, 'info'],
  ['the figures that people look at', '/metrics/json', 200, 'info'],
  ['a request', '/users', 200, 'info'],
])('of %s (%s, %d) the access log writes at %s', (_, route, status, level) => {
  const said: string[] = []
  const take = (level: string) => () => void said.push(level)
  const logAccess = createAccessLog({ debug: take('debug'), info: take('info'), error: take('error') })
  const at = (started: number) =>
    logAccess({ id: 'x', path: route, origin: '', route, started, principal: NOBODY }, 'GET', status, 1)
  for (let i = 0; i < 300; i++) at(5_000)
  expect(said).toEqual(Array(200).fill(level))
  at(6_000)
  expect(said.slice(200)).toEqual(level === 'info' ? ['info', 'info'] : ['debug']) // nobody is told of probes that were left out
})

describe('the live tail', () => {
  type Sent = { event: string; id: number; data: string }

  /** Reads events until `enough`; fails after 20 s. */
  async function readEvents(response: Response, enough: (events: Sent[]) => boolean): Promise<Sent[]> {
    const events: Sent[] = []
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    const timer = setTimeout(() => reader.cancel(), WITHIN)
    let text = ''
    while (!enough(events)) {
      const { value, done } = await reader.read()
      if (done) throw new Error(`the tail ended after ${events.length} events`)
      text += value
      const blocks = text.split('\n\n')
      text = blocks.pop()!
      for (const block of blocks) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
        if (field('data')) events.push({ event: field('event') ?? 'message', id: Number(field('id')), data: field('data')! })
      }
    }
    clearTimeout(timer)
    await reader.cancel()
    return events
  }

  const tail = (query = '', headers = {}) =>
    fetch(`${server.base}/logs${query}`, { headers: { accept: 'text/event-stream', ...headers } })

  test('shows what happens, and goes on where it was cut', async () => {
    const first = await tail('?filter=/users/')
    expect(first.headers.get('content-type')).toBe('text/event-stream')
    for (let i = 1; i <= 3; i++) await server.get(`/users/${i}`)
    await server.get('/urls')
    const seen = await readEvents(first, (events) => events.length >= 3)
    expect(seen.map(({ data }) => JSON.parse(data).path)).toEqual(['/users/1', '/users/2', '/users/3'])
    expect(seen.map(({ data }) => JSON.parse(data).sequence)).toEqual(seen.map(({ id }) => id))

    for (let i = 4; i <= 6; i++) await server.get(`/users/${i}`) // while nobody listens
    const again = await tail('?filter=/users/', { 'last-event-id': String(seen.at(-1)!.id) })
    await server.get('/users/7')
    const resumed = await readEvents(again, (events) => events.length >= 4)
    expect(resumed.map(({ data }) => JSON.parse(data).path)).toEqual(['/users/4', '/users/5', '/users/6', '/users/7'])
  })

  test('has nothing to say to a HEAD, and does not keep it waiting', async () => {
    const answer = await fetch(`${server.base}/logs`, { method: 'HEAD', headers: { accept: 'text/event-stream' } })
    expect(answer.status).toBe(200)
  })

  test('shows one level where asked to', async () => {
    const response = await tail('?level=warning')
    await server.get('/users/1')
    await server.chaos.arm('latency', 1, 0.001, 1)
    server.chaos.endAll()
    const [event] = await readEvents(response, (events) => events.length >= 1)
    expect(JSON.parse(event!.data)).toMatchObject({ level: 'warn', message: 'fault armed' })
  })

  test('a reader too slow loses lines and is told how many; nothing piles up', async () => {
    const ring = createLogRing(100_000)
    const write = (n: number) => {
      for (let i = 0; i < n; i++) ring.write(JSON.stringify({ level: 'info', time: 't', message: 'm' }))
    }
    const response = logStream(ring, {})
    write(5_000) // with nobody reading
    const reading = readEvents(
      response,
      (events) => events.some(({ event }) => event === 'skipped') && events.at(-1)!.id === 5_000,
    )
    await Bun.sleep(100)
    write(1)
    const events = await reading
    const lines = events.filter(({ event }) => event === 'message')
    const skipped = events.filter(({ event }) => event === 'skipped').reduce((sum, { data }) => sum + Number(data), 0)
    expect(lines.length + skipped).toBe(5_001)
    expect(lines.length).toBeLessThan(1_100)
    expect(lines.map(({ id }) => id)).toEqual(lines.map(({ id }) => id).toSorted((a, b) => a - b))
  })

  test.each([
    { name: 'still in the ring', size: 10_000 },
    { name: 'partly out of the ring', size: 700 },
  ])('who comes back too late is told how many lines it lost: $name', async ({ size }) => {
    const ring = createLogRing(size)
    for (let i = 0; i < 2_000; i++) ring.write(JSON.stringify({ level: 'info', time: 't', message: 'm' }))
    const events = await readEvents(logStream(ring, { after: 99 }), (events) => events.at(-1)?.id === 1_999)
    const lines = events.filter(({ event }) => event === 'message')
    expect(events[0]).toMatchObject({ event: 'skipped', data: String(1_900 - lines.length) })
    expect(lines.map(({ id }) => id)).toEqual(Array.from(lines, (_, i) => 2_000 - lines.length + i))
  })
})

describe('the log', () => {
  test('has no token, no query string and no target’s secrets', async () => {
    const secrets = ['admin-sesame-admin-sesame', 'chaos-sesame', 'guess-sesame', 'query-sesame', 'target-sesame', 'agent-sesame']
    const server = await serveOn(embedded, { ADMIN_TOKEN: secrets[0]!, CHAOS_TOKEN: secrets[1]! })
    await server.post('/urls', { original_url: 'https://example.com/?password=target-sesame', short_code: 'known' })
    await server.get('/known?x=query-sesame', { 'user-agent': 'agent-sesame', referer: 'https://a.example/?query-sesame' })
    await server.get('/urls?q=query-sesame')
    await server.get('/nope?token=query-sesame')
    await server.get('/users/x?token=query-sesame')
    await server.get('/users', { authorization: 'Bearer guess-sesame' })
    await server.get('/chaos', { 'x-chaos-token': 'guess-sesame' })
    await server.post('/urls', { original_url: 'javascript:target-sesame' })
    await server.post('/urls', '{"original_url":"target-sesame')
    await server.post('/chaos', { fault: 'errors', duration: 30 }, { 'x-chaos-token': 'chaos-sesame' })
    expect((await server.get('/users?x=query-sesame')).status).toBe(500)
    await server.call('DELETE', '/chaos', undefined, { 'x-chaos-token': 'chaos-sesame' })
    const lines = server.ring.read({ limit: 9_999 })
    expect(lines.length).toBeGreaterThan(10)
    expect(lines.map((line) => JSON.stringify(line)).filter((line) => line.includes('sesame'))).toEqual([])
    await server.stop()
  })
})

describe.each(databases)('draining on the $name database', (kind) => {
  test('finishes what is under way, says so, stores every click, and exits 0', async () => {
    const settings = await kind.settings()
    const same: DatabaseKind = { ...kind, settings: async () => settings }
    const server = await serveOn(same, { DRAIN_WAIT: '1' })
    await server.post('/urls', { original_url: target, short_code: 'known' })

    const body = JSON.stringify({ original_url: 'https://example.com/under-way', short_code: 'under-way' })
    const socket = connect(server.config.PORT, '127.0.0.1')
    const underWay = readAnswer(socket)
    socket.write(
      `POST /urls HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 20)}`,
    )
    await server.get('/known')
    const clicks = Promise.all(Array.from({ length: 200 }, () => server.get('/known')))
    expect((await clicks).every(({ status }) => status === 302)).toBe(true)
    const exitCode = server.stop()

    const ready = await server.get('/ready')
    expect([ready.status, ready.body.status, ready.headers.get('connection')]).toEqual([503, 'draining', 'close'])
    expect((await server.get('/health')).status).toBe(200)
    expect((await server.get('/known')).status).toBe(302) // until the balancer has noticed
    socket.write(body.slice(20))
    expect((await underWay).status).toBe(201)
    expect(await exitCode).toBe(0)
    await expect(server.get('/health')).rejects.toThrow()

    const next = await serveOn(same)
    expect((await next.settled('/urls/known/stats')).body.clicks).toBe(202)
    expect((await next.get('/under-way')).headers.get('location')).toBe('https://example.com/under-way')
    await next.stop()
  })
})

describe('SIGTERM', () => {
  test('ends the process with 0, in spite of a tail and a connection that nobody closes', async () => {
    const server = await startChild({ ...(await embedded.settings()), DRAIN_WAIT: '0' })
    const tail = await fetch(`${server.base}/logs`, { headers: { accept: 'text/event-stream' } })
    const idle = connect(server.port, '127.0.0.1').on('error', () => {})
    idle.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await readAnswer(idle)
    server.kill('SIGTERM')
    server.kill('SIGTERM') // impatience changes nothing
    expect(await Promise.race([server.exited, Bun.sleep(WITHIN).then(() => 'it goes on')])).toBe(0)
    idle.destroy()
    await tail.body?.cancel().catch(() => {})
  })
})

describe.each(databases)('/chaos on the $name database', (kind) => {
  const CHAOS_TOKEN = 'break-it'
  const token = { 'x-chaos-token': CHAOS_TOKEN }
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind, { CHAOS_TOKEN })
    await server.post('/urls', { original_url: target, short_code: 'known' })
  })
  afterAll(() => server.stop())
  const arm = (body: unknown) => server.post('/chaos', body, token)
  const end = () => server.call('DELETE', '/chaos', undefined, token)

  test.each([
    {},
    { 'x-chaos-token': '' },
    { 'x-chaos-token': 'break-i' },
    { 'x-chaos-token': 'break-it2' },
    { authorization: `Bearer ${CHAOS_TOKEN}` },
  ] as Record<string, string>[])('without the right token nothing is armed: %j', async (headers) => {
    for (const [method, body] of [['GET'], ['POST'], ['POST', { fault: 'errors', duration: 60 }], ['DELETE']] as const)
      expect([method, (await server.call(method, '/chaos', body, headers)).status]).toEqual([method, 401])
    expect(server.chaos.armed()).toEqual([])
  })

  test.each([
    ['an unknown fault', { fault: 'fire', duration: 1 }, 'fault'],
    ['no duration', { fault: 'errors' }, 'duration'],
    ['a duration of 0', { fault: 'errors', duration: 0 }, 'duration'],
    ['a duration without end', { fault: 'errors', duration: 601 }, 'duration'],
    ['a duration as text', { fault: 'latency', duration: '10' }, 'duration'],
    ['a share above 1', { fault: 'errors', duration: 10, share: 2 }, 'share'],
    ['a share below 0', { fault: 'errors', duration: 10, share: -1 }, 'share'],
    ['too much latency', { fault: 'latency', duration: 10, latency_ms: 5_001 }, 'latency_ms'],
    ['latency as text', { fault: 'latency', duration: 10, latency_ms: '1' }, 'latency_ms'],
    ['a list', [], 'body'],
  ])('%s is refused', async (_, body, field) => {
    const answer = await arm(body)
    expect([answer.status, answer.body.details?.[0]?.field]).toEqual([400, field])
    expect(server.chaos.armed()).toEqual([])
  })

  test('latency makes requests wait, not /health; DELETE ends it', async () => {
    expect((await arm({ fault: 'latency', duration: 60, latency_ms: 1_000 })).status).toBe(204)
    let over = false
    const slow = server.get('/users').then((answer) => {
      over = true
      return answer.status
    })
    for (let i = 0; i < 5; i++) expect((await server.get('/health')).status).toBe(200)
    expect(over).toBe(false)
    expect(await slow).toBe(200)
    expect((await end()).status).toBe(204)
    expect(server.chaos.armed()).toEqual([])
  })

  test('errors fail their share of requests, and end with their time', async () => {
    await arm({ fault: 'errors', duration: 1 })
    const { status, body } = await server.get('/users')
    expect([status, body.error]).toEqual([500, 'this failure was asked for by /chaos'])
    expect((await server.get('/ready')).status).toBe(200)
    await until('the fault ends by itself', async () => (await server.get('/users')).status === 200)
    expect(server.chaos.armed()).toEqual([])

    await arm({ fault: 'errors', duration: 60, share: 0.5 })
    const statuses = new Set<number>()
    for (let i = 0; i < 60; i++) statuses.add((await server.get('/users')).status)
    expect([...statuses].sort()).toEqual([200, 500])
    await end()
    expect((await server.get('/users')).status).toBe(200)
  })

  test('the database is away as long as asked for; redirects go on, and clicks wait', async () => {
    expect((await server.get('/known')).status).toBe(302)
    expect((await server.settled('/urls/known/stats')).body.clicks).toBe(1) // nothing is under way
    await arm({ fault: 'database', duration: 60 })
    expect((await server.get('/users')).status).toBe(503)
    expect((await server.get('/known')).status).toBe(302)
    await until('it is noticed', async () => (await server.get('/ready')).body.status === 'degraded')
    await end()
    await until('it works again', async () => (await server.get('/users')).status === 200)
    await until('the clicks are stored', async () => (await server.get('/urls/known/stats')).body.clicks === 2)

    await arm({ fault: 'database', duration: 1 })
    expect((await server.get('/users')).status).toBe(503)
    await until('it ends by itself', async () => (await server.get('/users')).status === 200)
  })

  test('every fault is in the log', () => {
    const lines = server.ring.read({ limit: 999, level: 'warn' }).reverse()
    const faults = lines.flatMap(({ message, fault }) => (message === 'fault armed' ? [fault] : []))
    expect(faults).toEqual(['latency', 'errors', 'errors', 'database', 'database'])
    expect(lines.filter(({ message }) => message === 'fault ended')).toHaveLength(5)
  })
})

describe('/chaos kills', () => {
  test.each([
    ['GET', undefined, {}],
    ['POST', undefined, {}],
    ['POST', { fault: 'kill' }, { 'content-type': 'application/json' }],
  ])('%s %j: it answers 204, drains, and exits 75 for its supervisor', async (method, body, headers) => {
    const kind = body ? embedded : databases.at(-1)!
    const server = await startChild({ ...(await kind.settings()), CHAOS_TOKEN: 'break-it' })
    const response = await fetch(`${server.base}/chaos`, {
      method,
      headers: { 'x-chaos-token': 'break-it', ...headers },
      body: body && JSON.stringify(body),
    })
    expect(response.status).toBe(204)
    expect(await Promise.race([server.exited, Bun.sleep(WITHIN).then(() => 'it goes on')])).toBe(75)
  })
})

describe.each(databases)('lists on the $name database', (kind) => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind)
    await server.database.run(
      (sql) => sql`insert into urls (short_code, original_url) select 'code-' || n, ${target} from generate_series(1, 333) n`,
    )
  })
  afterAll(() => server.stop())

  test('a cursor walks every row once, while others are inserted and deleted', async () => {
    const before = await server.database.run((sql) => sql<{ id: number }[]>`select id from urls order by id`)
    let walking = true
    const inserting = (async () => {
      while (walking) await server.post('/urls', { original_url: target })
    })()
    const seen: number[] = []
    for (let cursor = '0'; seen.length < 5_000; ) {
      const { status, body, headers } = await server.get(`/urls?per_page=10&cursor=${cursor}`)
      expect([status, headers.get('link')]).toEqual([200, null])
      seen.push(...body.map(({ id }: { id: number }) => id))
      if (seen.length === 50) await server.call('DELETE', `/urls/${seen[3]}`) // one that was read moves nothing
      if (seen.length === 100) walking = false // else there would be no end
      const next = headers.get('x-next-cursor')
      if (!next) break
      cursor = next
    }
    await inserting
    expect(new Set(seen).size).toBe(seen.length)
    expect(before.filter(({ id }) => !seen.includes(id))).toEqual([])
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect(seen.length).toBeGreaterThan(before.length)
  })

  test('Link leads through all pages, keeps the filter, and ends', async () => {
    const seen: number[] = []
    let path: string | undefined = '/urls?q=code-&per_page=50&page=1'
    let pages = 0
    while (path && pages < 20) {
      const { body, headers } = await server.get(path)
      const links = linksOf(headers.get('link'))
      seen.push(...body.map(({ id }: { id: number }) => id))
      pages++
      expect(links.first).toBe('/urls?q=code-&per_page=50&page=1')
      expect(links.last).toBe('/urls?q=code-&per_page=50&page=7')
      expect(links.prev).toBe(pages === 1 ? undefined : `/urls?q=code-&per_page=50&page=${pages - 1}`)
      path = links.next
    }
    expect([pages, seen.length, new Set(seen).size]).toEqual([7, 332, 332])
    const past = await server.get('/urls?q=code-&per_page=50&page=99')
    expect(past.body).toEqual([])
    expect(linksOf(past.headers.get('link'))).toMatchObject({ prev: '/urls?q=code-&per_page=50&page=7' })
  })

  test('per_page and page are clamped', async () => {
    for (const [query, rows] of [
      ['per_page=0', 1],
      ['per_page=-1', 1],
      ['per_page=1000000000', 100],
      ['per_page=abc', 20],
      ['per_page=1e2', 100],
      ['per_page=2.9', 2],
      ['page=-5&per_page=3', 3],
      ['page=99999999999999999999', 0],
      ['', 20],
    ] as const) {
      const { status, body } = await server.get(`/urls?${query}`)
      expect([query, status, body.length]).toEqual([query, 200, rows])
    }
  })

  test('an answer that did not change is 304', async () => {
    for (const path of ['/urls/1', '/urls?q=code-1', '/urls/code-1/stats', '/users', '/openapi.json']) {
      const first = await server.get(path)
      const etag = first.headers.get('etag')!
      expect([path, first.status, etag]).toEqual([path, 200, expect.stringMatching(/^W\/"\w+"$/)])
      for (const known of [etag, `"other", ${etag}`, '*']) {
        const again = await server.get(path, { 'if-none-match': known })
        expect([path, known, again.status, again.text, again.headers.get('etag')]).toEqual([path, known, 304, '', etag])
      }
      expect((await server.get(path, { 'if-none-match': '"other"' })).status).toBe(200)
    }
    const { headers } = await server.get('/urls/1')
    await server.call('PATCH', '/urls/1', { title: 'changed' })
    const changed = await server.get('/urls/1', { 'if-none-match': headers.get('etag')! })
    expect([changed.status, changed.body.title]).toEqual([200, 'changed'])
    expect(changed.headers.get('etag')).not.toBe(headers.get('etag'))
  })

  test('totals are exact up to 10,000 rows, and said to be inexact beyond', async () => {
    const [counted] = await server.database.run(
      (sql) => sql<{ n: number }[]>`select count(*) as n from urls where deleted_at is null`,
    )
    const add = (n: number) =>
      server.database.run(
        (sql) => sql`insert into urls (short_code, original_url) select 'more-' || max(u.id) || '-' || n, ${target}
        from urls u, generate_series(1, ${n}) n group by n`,
        60_000,
      )
    await add(10_000 - counted!.n)
    await Bun.sleep(150) // the kept total is 0.1 s old at most
    for (const path of ['/urls?is_active=true', '/urls']) {
      const { headers } = await server.get(path)
      expect([path, headers.get('x-total-count'), headers.get('x-total-exact')]).toEqual([path, '10000', null])
      expect(linksOf(headers.get('link')).last).toContain('page=500')
    }
    await add(1)
    await Bun.sleep(150)
    for (const path of ['/urls?is_active=true', '/urls']) {
      const { headers } = await server.get(path)
      expect([path, headers.get('x-total-exact')]).toEqual([path, 'false'])
      expect(Number(headers.get('x-total-count'))).toBeGreaterThanOrEqual(10_000)
      expect(linksOf(headers.get('link'))).toEqual({ first: expect.any(String), next: expect.any(String) })
    }
    const rows = await server.get('/urls?is_active=true&page=101&per_page=100')
    expect(rows.body).toHaveLength(1)
    expect(linksOf(rows.headers.get('link')).next).toBeUndefined()
  })
})

describe.each(databases)('books that balance on the $name database', (kind) => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind)
  })
  afterAll(() => server.stop())
  const clicksOf = async (code: string) => (await server.settled(`/urls/${code}/stats`)).body
  const sumOf = (series: { clicks: number }[]) => series.reduce((sum, { clicks }) => sum + clicks, 0)

  test.each([
    ['username', '/users', (i: number) => ({ username: 'racer', email: `racer${i}@example.com` })],
    [
      'e-mail, in any case',
      '/users',
      (i: number) => ({ username: `racer-${i}`, email: i % 2 ? 'Race@example.com' : 'race@EXAMPLE.com' }),
    ],
    ['username and e-mail, crossed', '/users', (i: number) => ({ username: `x${i % 2}`, email: `x${(i + 1) % 2}@example.com` })],
    ['code', '/urls', (i: number) => ({ original_url: `https://example.com/${i}`, short_code: 'racing' })],
  ])('of twenty clients that race for one %s, one wins', async (what, path, body) => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => server.post(path, body(i))))
    const statuses = answers.map(({ status }) => status).sort()
    const winners = what.includes('crossed') ? 2 : 1
    expect(statuses).toEqual([...Array(winners).fill(201), ...Array(20 - winners).fill(409)])
  })

  test('of twenty users that race for one new name, one wins, and nobody deadlocks', async () => {
    const users = await Promise.all(
      Array.from({ length: 20 }, (_, i) => server.post('/users', { username: `runner${i}`, email: `runner${i}@example.com` })),
    )
    const answers = await Promise.all(
      users.map(({ body }, i) =>
        server.call('PATCH', `/users/${body.id}`, { username: 'prize', email: `prize${i % 2}@example.com` }),
      ),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(19).fill(409)])
  })

  test('ids of events grow with time, and name their partition', async () => {
    for (let i = 0; i < 5; i++) await server.post('/events', { event_type: 'tick', details: { i } })
    await server.post('/urls', { original_url: target, short_code: 'growing' })
    await server.get('/growing')
    expect((await clicksOf('growing')).clicks).toBe(1)
    await server.post('/events', { event_type: 'tick', details: { i: 5 } })
    const rows = await server.database.run(
      (sql) => sql<{ event_type: string; i: number | null; month: string; place: string; lag: number }[]>`
        select event_type, (details ->> 'i')::int as i, to_char(timestamp at time zone 'UTC', '"events_"YYYY_MM') as month,
          tableoid::regclass::text as place, abs(extract(epoch from timestamp - (timestamptz '2020-01-01 00:00:00+00' + interval '1 ms' * (id >> 12))))::float8 as lag
        from events order by id`,
    )
    expect(rows.flatMap(({ i }) => (i === null ? [] : [i]))).toEqual([0, 1, 2, 3, 4, 5])
    expect(rows.map(({ event_type }) => event_type).at(-2)).toBe('click')
    expect(rows.filter(({ place, month }) => place !== month)).toEqual([])
    expect(rows.filter(({ lag }) => lag > 120)).toEqual([]) // an id tells its time within two minutes
  })

  test('a partition that is missing is made, with its indexes', async () => {
    const [next] = await server.database.run(
      (sql) =>
        sql<{ name: string }[]>`select 'events_' || to_char(now() at time zone 'UTC' + interval '2 months', 'YYYY_MM') as name`,
    )
    const indexes = () =>
      server.database.run((sql) => sql<{ n: number }[]>`select count(*) as n from pg_indexes where tablename = ${next!.name}`)
    const [whole] = await indexes()
    await server.database.run((sql) => sql.unsafe(`drop table ${next!.name}`))
    expect((await indexes())[0]!.n).toBe(0)
    await server.database.run((sql) => sql`select create_events_partitions(3)`)
    expect((await indexes())[0]!.n).toBe(whole!.n)
    expect(whole!.n).toBeGreaterThanOrEqual(2)
    const attached = await server.database.run(
      (sql) => sql`select from pg_inherits where inhparent = 'events'::regclass and inhrelid = ${next!.name}::regclass`,
    )
    expect(attached.count).toBe(1)
  })

  test('deleting a click subtracts it, once', async () => {
    await server.post('/urls', { original_url: target, short_code: 'subtract' })
    for (let i = 0; i < 3; i++) await server.get('/subtract')
    const { id } = await clicksOf('subtract')
    const posted = await server.post('/events', { event_type: 'click', url_id: id })
    expect(await clicksOf('subtract')).toMatchObject({ clicks: 4 })
    const events = (await server.get(`/events?url_id=${id}&event_type=click`)).body
    expect(events).toHaveLength(4)
    const answers = await Promise.all(
      [events[0].id, events[0].id, posted.body.id].map((event) => server.call('DELETE', `/events/${event}`)),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 204, 404])
    const stats = await clicksOf('subtract')
    expect([stats.clicks, sumOf(stats.by_hour), sumOf(stats.by_day)]).toEqual([2, 2, 2])
    expect((await server.settled(`/urls/${id}`)).body.click_count).toBe(2)
    const created = (await server.get(`/urls/${id}/events`)).body[0]
    await server.call('DELETE', `/events/${created.id}`)
    expect((await clicksOf('subtract')).clicks).toBe(2) // only clicks count
  })

  test('clicks of many at once are all counted, once', async () => {
    await server.post('/urls', { original_url: target, short_code: 'many' })
    await Promise.all(Array.from({ length: 500 }, (_, i) => server.get(i % 3 ? '/many' : '/urls/many/redirect')))
    const stats = await clicksOf('many')
    expect([stats.clicks, sumOf(stats.by_hour)]).toEqual([500, 500])
    expect((await server.get(`/events?url_id=${stats.id}&event_type=click&per_page=1`)).headers.get('x-total-count')).toBe('500')
  })

  test('what another transaction still writes of a purged link is erased too', async () => {
    await server.post('/urls', { original_url: target, short_code: 'purged' })
    await server.get('/purged')
    const { id } = await clicksOf('purged')
    const late = (sql: any) => sql`
      with event as (insert into events (id, url_id, event_type) values (next_event_id(), ${id}, 'click'))
      insert into link_totals (url_id, clicks) values (${id}, 1) on conflict (url_id) do update set clicks = link_totals.clicks + 1`
    const left = async () => {
      const [row] = await server.database.run(
        (sql) => sql<{ events: number; totals: number; listed: number }[]>`
          select (select count(*) from events where url_id = ${id}) as events, (select count(*) from link_totals where url_id = ${id}) as totals,
            (select count(*) from erasures where url_id = ${id}) as listed`,
      )
      return row!
    }
    const purge = () => server.call('DELETE', `/urls/${id}?purge=true`)
    if (kind.name === 'external')
      await server.database.transaction(async (sql) => {
        await sql`insert into events (id, url_id, event_type) values (next_event_id(), ${id}, 'click')` // begun before the purge
        const other = await purge()
        expect(other.status).toBe(204)
        await continueErasures(server.database)
        expect((await left()).listed).toBe(1) // we may still write, so it is not over
        await sql`insert into link_totals (url_id, clicks) values (${id}, 1) on conflict (url_id) do update set clicks = link_totals.clicks + 1`
      })
    else {
      expect((await purge()).status).toBe(204)
      await server.database.run(late)
    }
    expect((await left()).events).toBeGreaterThan(0)
    await until('it is erased for good', async () => {
      await continueErasures(server.database)
      return (await left()).listed === 0
    })
    expect(await left()).toEqual({ events: 0, totals: 0, listed: 0 })
    expect((await server.post('/urls', { original_url: target, short_code: 'purged' })).status).toBe(409)
  })

  test('deleting a user takes its links and events along, those of deleted links too', async () => {
    const { body: user } = await server.post('/users', { username: 'leaving', email: 'leaving@example.com' })
    for (const short_code of ['leaving1', 'leaving2'])
      await server.post('/urls', { original_url: target, user_id: user.id, short_code })
    for (let i = 0; i < 3; i++) await server.get('/leaving1')
    await server.call('DELETE', `/urls/${(await clicksOf('leaving2')).id}`)
    const { id } = await clicksOf('leaving1')
    expect((await server.call('DELETE', `/users/${user.id}`)).status).toBe(204)
    expect((await server.get('/leaving1')).status).toBe(404)
    expect((await server.get(`/events?url_id=${id}`)).body).toEqual([])
    expect((await server.get(`/events?user_id=${user.id}`)).body).toEqual([])
    expect((await server.get('/urls/leaving2/stats')).status).toBe(404)
    for (const short_code of ['leaving1', 'leaving2'])
      expect((await server.post('/urls', { original_url: target, short_code })).status).toBe(409)
  })

  test('of a user with many links each thousand is told of when it is gone, and not at the end of all', async () => {
    const { body: user } = await server.post('/users', { username: 'long', email: 'long@example.com' })
    const { run } = server.database
    await run(
      (sql) => sql`insert into urls (short_code, original_url, user_id)
        select 'of-long-' || n, ${target}, ${user.id}::bigint from generate_series(1, 1001) n`,
    )
    const told: [number, Promise<number>][] = []
    const left = () => run((sql) => sql`select from urls where user_id = ${user.id}`).then(({ count }) => count)
    await userStore(server.database).delete(user.id, (links) => told.push([links.length, left()]))
    expect(await Promise.all(told.map(async ([links, left]) => [links, await left]))).toEqual([
      [1_000, 1],
      [1, 0],
    ])
    expect((await server.get(`/users/${user.id}`)).status).toBe(404)
  })
})

function linksOf(header: string | null): Record<string, string | undefined> {
  return Object.fromEntries([...(header ?? '').matchAll(/<([^>]+)>; rel="(\w+)"/g)].map(([, path, rel]) => [rel, path]))
}
