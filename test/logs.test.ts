// GET /logs as operators use it: filters that no pattern can turn against the server, the context of a line, files, and the fleet's logs as one.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type DatabaseKind, databases } from './databases.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'
import { until } from './until.ts'

const embedded = databases[0]!
const external = databases.find(({ name }) => name === 'external')
if (!external) console.warn('SKIPPED: the logs of a fleet (PostgreSQL is not installed)')

const ADMIN_TOKEN = 'an-operators-long-token'
const BEARER = { authorization: `Bearer ${ADMIN_TOKEN}` }

type Line = { sequence: number; replica?: string; message: string; level: string; time: string; console?: boolean }
type Sent = { event: string; id: string; data: string }

const query = (filters: Record<string, string | number>) => `/logs?${new URLSearchParams(filters as Record<string, string>)}`
const messages = ({ body }: { body: any }) => body.logs.map(({ message }: Line) => message)

/** Writes lines as the log would, at the given times or now. */
function write(server: TestServer, texts: string[], { level = 'info', time = new Date().toISOString(), ...more } = {}) {
  for (const message of texts) server.ring.write(JSON.stringify({ level, time, message, ...more }))
}

/** Follows a tail, and gathers what it says. */
async function follow(server: TestServer, path: string, headers: Record<string, string> = {}) {
  const abort = new AbortController()
  const response = await fetch(server.base + path, {
    headers: { accept: 'text/event-stream', ...BEARER, ...headers },
    signal: abort.signal,
  })
  const events: Sent[] = []
  let ended = false
  const reading = (async () => {
    let text = ''
    for await (const part of response.body!.pipeThrough(new TextDecoderStream()) as unknown as AsyncIterable<string>) {
      text += part
      const blocks = text.split('\n\n')
      text = blocks.pop()!
      for (const block of blocks) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
        if (field('data')) events.push({ event: field('event') ?? 'message', id: field('id') ?? '', data: field('data')! })
      }
    }
  })()
    .catch(() => {})
    .then(() => {
      ended = true
    })
  return {
    response,
    events,
    lines: () => events.flatMap(({ event, data }) => (event === 'message' ? [JSON.parse(data) as Line] : [])),
    skipped: () => events.reduce((sum, { event, data }) => sum + (event === 'skipped' ? Number(data) : 0), 0),
    ended: () => ended,
    async stop() {
      abort.abort()
      await reading
    },
  }
}

describe('filters', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(embedded)
    for (const id of ['one', 'two', 'three']) await server.get('/users/404', { 'x-request-id': id })
    await server.get('/urls', { 'x-request-id': 'four' })
    write(server, ['Disk at 91 %', 'disk at 99 %'], { level: 'warn' })
  })
  afterAll(() => server.stop())

  const ids = async (filters: Record<string, string | number>) =>
    (await server.get(query({ regex: '"request_id":"(one|two|three|four)"', ...filters }))).body.logs.map(
      ({ request_id }: { request_id: string }) => request_id,
    )

  test.each([
    ['everything', {}, ['four', 'three', 'two', 'one']],
    ['a text', { filter: '/USERS/404' }, ['three', 'two', 'one']],
    ['not a text', { not: '/Users/404' }, ['four']],
    ['not a pattern', { not_regex: '"request_id":"t' }, ['four', 'one']],
    ['a text and not a pattern', { filter: '404', not_regex: 'two|three' }, ['one']],
    ['a request', { request_id: 'two' }, ['two']],
    ['a request of a longer id', { request_id: 'tw' }, []],
    ['a level', { level: 'WARN' }, []],
    ['so many', { limit: 2 }, ['four', 'three']],
  ] as [string, Record<string, string | number>, string[]][])('%s', async (_, filters, expected) => {
    expect(await ids(filters)).toEqual(expected)
  })

  test('a pattern minds the case unless it says otherwise', async () => {
    expect(messages(await server.get(query({ regex: 'disk at \\d+ %' })))).toEqual(['disk at 99 %'])
    expect(messages(await server.get(query({ regex: '(?i)disk at \\d+ %' })))).toEqual(['disk at 99 %', 'Disk at 91 %'])
    expect(messages(await server.get(query({ regex: '(?i)disk', not_regex: '9[1-5] %', level: 'warning' })))).toEqual([
      'disk at 99 %',
    ])
  })

  test.each([
    ['regex', '('],
    ['regex', 'a**'],
    ['not_regex', '[z-a]'],
    ['regex', '(a)\\1'],
    ['regex', '(?=a)'],
    ['regex', 'x'.repeat(201)],
    ['regex', 'a{1000}'],
    ['not_regex', '(a{31}){31}b'],
    ['request_id', 'two words'],
    ['request_id', 'a"b'],
    ['own', 'banana'],
    ['before', '-1'],
    ['after', '1.5.6'],
    ['after', 'x'],
    ['format', 'xml'],
    ['filter', 'x'.repeat(501)],
  ])('%s=%s is refused by name, and not repeated', async (field, value) => {
    const { status, body, text } = await server.get(query({ [field]: value }))
    expect([status, body.details?.[0]?.field]).toEqual([400, field])
    if (value.length > 3) expect(text).not.toContain(value)
  })

  test('an unknown replica', async () => {
    expect((await server.get('/logs?replica=nobody')).status).toBe(404)
    expect((await server.get('/logs?replica=nobody', { accept: 'text/event-stream' })).status).toBe(404)
    expect((await server.get('/logs?replica=nobody&format=ndjson')).status).toBe(404)
  })

  test('this replica by its id, and all of one', async () => {
    const all = (await server.get('/logs?replica=all&limit=3')).body
    expect(all).toMatchObject({ count: 3, asked: 1, answered: 1 })
    const { replica } = all.logs[0]
    const one = (await server.get(`/logs?replica=${replica}&limit=3`)).body
    expect(one).toMatchObject({ count: 3, asked: 1, answered: 1, logs: [{ replica }, { replica }, { replica }] })
    expect((await server.get('/logs?limit=1')).body.logs[0].replica).toBeUndefined()
  })
})

describe('the context of a line', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(embedded)
    write(
      server,
      Array.from({ length: 300 }, (_, i) => `m${i}`),
    )
  })
  afterAll(() => server.stop())

  test('what was before it, what followed, and what lies between two', async () => {
    const [{ sequence }] = (await server.get(query({ regex: '"m150"' }))).body.logs
    const around = async (filters: Record<string, number>) => messages(await server.get(query({ limit: 3, ...filters })))
    expect(await around({ before: sequence })).toEqual(['m149', 'm148', 'm147'])
    expect(await around({ after: sequence })).toEqual(['m153', 'm152', 'm151'])
    expect(await around({ before: sequence, after: sequence - 3 })).toEqual(['m149', 'm148'])
    expect(await around({ before: sequence, after: sequence - 20 })).toEqual(['m149', 'm148', 'm147'])
    expect(await around({ before: 0 })).toEqual([])
    expect(await around({ after: sequence + 10 ** 9 })).toEqual([])
    expect(messages(await server.get(query({ before: sequence, regex: 'm\\d*7"', limit: 2 })))).toEqual(['m147', 'm137'])
  })

  test('a line of one replica is not found among all', async () => {
    for (const field of ['before', 'after'])
      expect((await server.get(`/logs?replica=all&${field}=5`)).body.details[0].field).toBe(field)
  })
})

describe('hostile patterns', () => {
  let server: TestServer
  let random = 1
  const randomText = (length: number) =>
    Array.from({ length }, () => 'ab'[((random = (random * 48_271) % 2_147_483_647) >> 8) & 1]).join('')
  const PATTERNS = [
    '(a+)+$',
    '(a|a)*b',
    '(a|ab|b)*c',
    '([ab]*)*c',
    '(.*)(.*)(.*)(.*)(.*)(.*)(.*)c$',
    '(?:a?){100}a{100}$',
    '(a|b)*a(a|b){120}$',
    '[ab]*a[ab]{30}[^z]$',
    '(\\pL*a){20}$',
    '((a|b)(a|b)?){40}$',
    '(a{0,150})*b$',
    '(?i)(\\pL\\pN?){90}c',
  ]
  beforeAll(async () => {
    server = await serveOn(embedded)
    for (let i = 0; i < 3_000; i++) write(server, [randomText(300)])
    for (let i = 0; i < 20; i++) write(server, [randomText(12_000)])
  })
  afterAll(() => server.stop())

  /** The share of a search's time in which the server, which is in this process, did nothing else. */
  async function longestTurn(pattern: string) {
    const began = performance.now()
    let last = began
    let longest = 0
    const tick = () => {
      longest = Math.max(longest, performance.now() - last)
      last = performance.now()
    }
    const ticks = setInterval(tick, 1)
    const search = server.get(query({ regex: pattern, not: '404' }))
    expect((await server.get('/health')).status).toBe(200)
    expect((await search).status).toBe(200)
    clearInterval(ticks)
    tick()
    return longest / (performance.now() - began)
  }

  test.each(PATTERNS)('%s: it ends, and others are served in the meantime', async (pattern) => {
    let longest = await longestTurn(pattern)
    // The slowest of them. On a busy machine one line may take all the time there is; without giving way, every search would.
    while (pattern.includes('{120}') && longest > 0.5) longest = await longestTurn(pattern)
  })

  test('one that takes too long is stopped, which is reported, with the line to continue at', async () => {
    const SLOWEST = '(a|b)*a(a|b){120}$'
    const { body } = await server.get(query({ regex: SLOWEST, not: '404' }))
    const { next } = server.ring.span()
    expect(body.stopped).toBeLessThan(next)
    const older = (await server.get(query({ regex: SLOWEST, before: body.stopped, not: '404' }))).body
    expect(older.stopped).toBeLessThan(body.stopped)
    expect((await server.get(query({ replica: 'all', regex: SLOWEST, not: '404' }))).body.stopped).toBe(true)
    expect((await server.get(query({ regex: '[ab]{5}', not: '404' }))).body.stopped).toBeUndefined()
    const { text } = await server.get(query({ format: 'ndjson', regex: SLOWEST, not: '404' }))
    expect(JSON.parse(text.trimEnd().split('\n').at(-1)!).message).toStartWith('the pattern takes too long')
  })

  test('of many at once, none starves the others, and the last ones wait in vain', async () => {
    const searches = [...PATTERNS, ...PATTERNS].map((regex) => server.get(query({ regex, not_regex: regex })))
    for (let i = 0; i < 20; i++) expect((await server.get('/health')).status).toBe(200)
    const statuses = (await Promise.all(searches)).map(({ status }) => status)
    expect([...new Set(statuses)].sort()).toEqual([200, 503])
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(10)
  })

  test('a tail with a costly one says what it did not look at', async () => {
    const tail = await follow(server, query({ regex: '(a|b)*a(a|b){120}$', not: 'request' }))
    await until('lines were skipped, and it said so', () => {
      for (let i = 0; i < 20; i++) write(server, [randomText(4_000)])
      return tail.skipped() > 0
    })
    await tail.stop()
  })
})

describe('the console’s own requests', () => {
  const own = { 'x-waypost-console': '1' }
  const paths = async (server: TestServer, filters: Record<string, string | number>) =>
    (await server.get(query({ limit: 50, ...filters }))).body.logs.map(
      ({ path, console }: { path: string; console?: boolean }) => `${path}${console ? ' (console)' : ''}`,
    )

  test('are marked, and hidden where asked', async () => {
    const server = await serveOn(embedded, { ADMIN_TOKEN, ...UNLIMITED })
    await server.get('/users', own)
    await server.get('/urls')
    const { headers } = await server.post('/api/session', { token: ADMIN_TOKEN })
    const cookie = headers.get('set-cookie')!.split(';')[0]!
    await fetch(`${server.base}/events`, { headers: { cookie } })
    await fetch(`${server.base}/robots.txt`, { headers: { ...own, cookie } })
    await fetch(`${server.base}/robots.txt`)
    await fetch(`${server.base}/console`)
    expect(await paths(server, { regex: '"path":"/(users|urls|events|robots\\.txt|console)"' })).toEqual([
      '/console (console)',
      '/robots.txt',
      '/robots.txt (console)',
      '/events (console)',
      '/urls',
      '/users (console)',
    ])
    expect(await paths(server, { own: 0, regex: '"path":"/(users|urls|events|console)"' })).toEqual(['/urls'])
    expect((await paths(server, { own: 1 })).length).toBeGreaterThan(3)
    await server.stop()
  })

  test('need a valid credential: the header hides nothing of a stranger', async () => {
    const server = await serveOn(embedded, { ADMIN_TOKEN, ...UNLIMITED })
    for (const headers of [
      own,
      { ...own, cookie: 'waypost_session=e30.x' },
      { ...own, authorization: 'Bearer guess-guess-guess' },
    ])
      expect((await fetch(`${server.base}/users`, { headers })).status).toBe(401)
    await fetch(`${server.base}/nowhere`, { headers: own })
    await fetch(`${server.base}/robots.txt`, { headers: { ...own, cookie: 'waypost_session=e30.x' } })
    await fetch(`${server.base}/console/secrets.env`, { headers: own })
    expect(await paths(server, { own: 0, filter: '"path"' })).toEqual([
      '/console/secrets.env',
      '/robots.txt',
      '/nowhere',
      '/users',
      '/users',
      '/users',
    ])
    await server.stop()
  })
})

describe('a file', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(embedded)
    write(
      server,
      Array.from({ length: 3_500 }, (_, i) => `line ${i}`),
      { level: 'warn' },
    )
  })
  afterAll(() => server.stop())

  test('has every line, the oldest first, each JSON of its own', async () => {
    const { status, headers, text } = await server.get(query({ format: 'ndjson', regex: '"line \\d+"', limit: 5 }))
    expect([status, headers.get('content-type')]).toEqual([200, 'application/x-ndjson'])
    expect(headers.get('content-disposition')).toMatch(/^attachment; filename="waypost-[\dT-]+\.ndjson"$/)
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)
    expect(lines.map(({ message }) => message)).toEqual(Array.from({ length: 3_500 }, (_, i) => `line ${i}`))
  })

  test('keeps to the filters', async () => {
    const { text } = await server.get(query({ format: 'ndjson', regex: 'line \\d*99"' }))
    expect(text.trimEnd().split('\n')).toHaveLength(35)
    expect((await server.get(query({ format: 'ndjson', filter: 'not there at all', not: 'request' }))).text).toBe('')
  })

  test('is not waited for by a HEAD', async () => {
    expect((await server.call('HEAD', '/logs?format=ndjson')).status).toBe(200)
  })
})

describe.skipIf(!external)('the logs of a fleet', () => {
  const servers: TestServer[] = []
  let ids: string[] = []

  beforeAll(async () => {
    const { DATABASE_URL } = await external!.settings()
    const same: DatabaseKind = {
      ...external!,
      settings: async () => ({ DATABASE_URL: DATABASE_URL!, DATA_DIR: temporaryFolder() }),
    }
    for (let i = 0; i < 3; i++) servers.push(await serveOn(same, { ADMIN_TOKEN, ...UNLIMITED }))
    await until('they know each other', async () => {
      const lists = await Promise.all(servers.map(async (server) => (await server.get('/api/fleet')).body.replicas))
      ids = lists.map(([self]) => self.id)
      return lists.every((list) => list.length === 3 && list.every(({ url, state }: any) => url && state === 'ready'))
    })
  })
  afterAll(() => Promise.all(servers.map((server) => server.stop())))

  /** Lines of each replica, a second between them, taking turns. */
  const writeInTurns = (mark: string, count: number, from: string) => {
    for (let i = 0; i < count; i++)
      for (const [place, server] of servers.entries())
        write(server, [`${mark} ${i * 3 + place}`], { time: new Date(Date.parse(from) + (i * 3 + place) * 1_000).toISOString() })
  }

  test('are merged by time, whichever replica is asked', async () => {
    writeInTurns('joined', 30, '2026-01-01T00:00:00.000Z')
    for (const server of servers) {
      const { body } = await server.get(query({ replica: 'all', filter: 'joined', not: 'request', limit: 7 }))
      expect(body).toMatchObject({ count: 7, asked: 3, answered: 3 })
      expect(body.logs.map(({ message }: Line) => message)).toEqual([89, 88, 87, 86, 85, 84, 83].map((i) => `joined ${i}`))
      expect(body.logs.map(({ replica }: Line) => replica)).toEqual([2, 1, 0, 2, 1, 0, 2].map((i) => ids[i]!))
    }
  })

  test('of one other, with the context of its lines', async () => {
    const { body } = await servers[0]!.get(query({ replica: ids[2]!, regex: '"joined 50"' }))
    expect(body).toMatchObject({ count: 1, asked: 1, answered: 1, logs: [{ replica: ids[2], message: 'joined 50' }] })
    const { sequence } = body.logs[0]
    const after = await servers[0]!.get(query({ replica: ids[2]!, after: sequence, limit: 2 }))
    expect(messages(after)).toEqual(['joined 56', 'joined 53'])
    const before = await servers[1]!.get(query({ replica: ids[2]!, before: sequence, limit: 2 }))
    expect(messages(before)).toEqual(['joined 47', 'joined 44'])
  })

  test('refuse an invalid pattern, as a single replica does', async () => {
    expect((await servers[0]!.get(query({ replica: 'all', regex: '(' }))).body.details[0].field).toBe('regex')
  })

  test('as a file: every line of all, by time', async () => {
    writeInTurns('file', 1_200, '2026-02-01T00:00:00.000Z') // more than a page of each
    const { text } = await servers[1]!.get(query({ replica: 'all', format: 'ndjson', regex: '"file \\d+"' }))
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)
    expect(lines.map(({ message }) => message)).toEqual(Array.from({ length: 3_600 }, (_, i) => `file ${i}`))
    expect(lines.slice(0, 3).map(({ replica }) => replica)).toEqual(ids)
  })

  test('live: the lines of all, and of one', async () => {
    const all = await follow(servers[0]!, query({ replica: 'all', filter: 'live', not: 'request' }))
    const one = await follow(servers[0]!, query({ replica: ids[1]!, filter: 'live', not: 'request' }))
    await until('both are told how many answer', () => all.events.length > 0 && one.events.length > 0)
    expect(all.events[0]).toMatchObject({ event: 'fleet', data: '{"asked":3,"answered":3}' })
    for (const [place, server] of servers.entries()) write(server, [`live ${place}`, `other ${place}`])
    await until('all have come', () => all.lines().length >= 3 && one.lines().length >= 1)
    expect(
      all
        .lines()
        .map(({ message, replica }) => `${message} ${replica}`)
        .sort(),
    ).toEqual(ids.map((id, i) => `live ${i} ${id}`))
    expect(one.lines().map(({ message }) => message)).toEqual(['live 1'])

    // A reader that returns, to another replica, misses nothing and gets nothing twice.
    const last = all.events.findLast(({ event }) => event === 'message')!.id
    await all.stop()
    await one.stop()
    for (const [place, server] of servers.entries()) write(server, [`live again ${place}`])
    const again = await follow(servers[2]!, query({ replica: 'all', filter: 'live', not: 'request' }), { 'last-event-id': last })
    await until('they have come', () => again.lines().length >= 3)
    write(servers[1]!, ['live at last'])
    await until('it goes on', () => again.lines().some(({ message }) => message === 'live at last'))
    expect(
      again
        .lines()
        .map(({ message }) => message)
        .sort(),
    ).toEqual(['live again 0', 'live again 1', 'live again 2', 'live at last'])
    expect(again.skipped()).toBe(0)
    await again.stop()
  })

  test('live: a reader that returns too late learns how many lines it lost', async () => {
    const first = await follow(servers[0]!, query({ replica: 'all', filter: 'late' }))
    await until('it is open', () => first.events.length > 0)
    write(servers[0]!, ['late 0'])
    await until('it came', () => first.lines().length > 0)
    const last = first.events.findLast(({ event }) => event === 'message')!.id
    await first.stop()
    write(
      servers[1]!,
      Array.from({ length: 2_000 }, (_, i) => `meanwhile ${i}`),
    )
    const again = await follow(servers[0]!, query({ replica: ids[1]! }), { 'last-event-id': last })
    await until('the newest came', () => again.lines().some(({ message }) => message === 'meanwhile 1999'))
    const told = again.lines().filter(({ message }) => message.startsWith('meanwhile')).length
    expect(told).toBe(500)
    expect(again.skipped()).toBeGreaterThanOrEqual(1_500)
    await again.stop()
  })

  test('leave no trace of their gathering in each other’s logs', async () => {
    const tail = await follow(servers[0]!, query({ replica: 'all' }))
    await until('it is open', () => tail.events.length > 0)
    for (const message of ['gathered once', 'gathered twice', 'gathered three times']) {
      write(servers[1]!, [message])
      await until('it is gathered', () => tail.lines().some((line) => line.message === message))
    }
    expect(tail.lines().filter(({ message }) => message === 'request').length).toBeLessThan(3)
    await tail.stop()
  })

  test('of those that are left, when one is gone', async () => {
    const tail = await follow(servers[0]!, query({ replica: 'all', filter: 'left', not: 'request' }))
    await until('all are there', () => tail.events.some(({ data }) => data === '{"asked":3,"answered":3}'))
    const gone = servers.pop()!
    await gone.stop()
    await until('two answer', async () => (await servers[0]!.get('/logs?replica=all&limit=1')).body.answered === 2)
    write(servers[1]!, ['left behind'])
    await until('the tail goes on', () => tail.lines().some(({ message }) => message === 'left behind'))
    await until('the tail says so', () => tail.events.some(({ data }) => data.includes('"answered":2')))
    await tail.stop()
  })
})
