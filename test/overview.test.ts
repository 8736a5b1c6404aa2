// The overview: its figures are those of the requests made, windows join, the ring stays as large as it is, and a stream goes on where it was cut.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eventStreams, type StreamReader } from '../src/http/event-stream.ts'
import { chartOf, join } from '../src/monitor/overview/chart.ts'
import { COLUMNS, REDIRECT_BUCKETS, type Table } from '../src/monitor/overview/columns.ts'
import { quantile } from '../src/monitor/overview/quantile.ts'
import { nowOf } from '../src/monitor/overview/replica-state.ts'
import { LONGEST, sampleRing, stepOf } from '../src/monitor/overview/ring.ts'
import { type Code, sentence } from '../src/monitor/overview/sentences.ts'
import { BOUNDS } from '../src/redirect/figures.ts'
import { anyDatabase } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'
import { until } from './until.ts'

const CHAOS_TOKEN = 'chaos-for-the-overview'

/** A sample with these columns, and 0 in the others. */
const sampleOf = (values: Record<string, number>) => COLUMNS.map((name) => values[name] ?? 0)
const sum = (values: (number | null)[]) => values.reduce<number>((total, value) => total + (value ?? 0), 0)
const columnOf = ({ columns, rows }: Table, name: string) => rows.map((row) => row[columns.indexOf(name) + 1]!)

describe('a quantile', () => {
  test.each([
    { share: 0.5, counts: [10, 0, 0], is: 0.5 },
    { share: 0.5, counts: [0, 10, 0], is: 1.5 },
    { share: 0.99, counts: [99, 1, 0], is: 1 },
    { share: 1, counts: [99, 1, 0], is: 2 },
    { share: 0.5, counts: [0, 0, 10], is: 2 }, // beyond the last bound
    { share: 0.5, counts: [0, 0, 0], is: null },
  ])('of $counts at $share is $is', ({ share, counts, is }) => {
    expect(quantile(share, counts, 0, [1, 2])).toBe(is)
  })
})

describe('what is wrong with a replica', () => {
  const GIB = 1024 ** 3
  const well = {
    database: {
      state: () => 'up',
      downFor: () => undefined as string | undefined,
      health: { now: () => 'up', since: () => 0, past: () => undefined as unknown },
    },
    refused: () => undefined as string | undefined,
    clicks: { figures: () => ({ backlog: 0, oldest: undefined, lastFlush: 0, noRoom: undefined }) },
    resolver: { figures: () => ({ mode: 'serve' }) },
    shared: undefined as unknown,
    clock: { lasting: () => 0.2 },
    memory: { figures: () => ({ used: GIB, limit: 4 * GIB, tight: false }) },
    descriptors: { figures: () => ({ open: 40, most: 12_000, low: false }) },
    limits: { sharedAway: () => 0 },
    members: { list: () => [] as object[] },
    lifecycle: { phase: () => 'ready', started: 0 },
    total: () => null,
    chaos: { armed: () => [] },
    alerts: { list: () => [] as object[] },
    sampler: {
      database: () => ({
        since: 0,
        latency: undefined,
        renewed: undefined as number | undefined,
        moved: undefined as number | undefined,
      }),
    },
  }

  const FIRING = { state: 'firing', value: 0, test: false, since: '' }
  const firing = (name: string, value: number) => ({ alerts: { list: () => [{ ...FIRING, name, value }] } })
  const replicas = (...versions: string[]) => versions.map((version) => ({ state: 'ready', version }))

  test.each<[string, Partial<typeof well>, RegExp | undefined]>([
    ['nothing', {}, undefined],
    [
      'an unreachable database',
      {
        database: {
          state: () => 'down',
          downFor: () => undefined,
          health: { ...well.database.health, now: () => 'unreachable' },
        },
      },
      /database has been unreachable since 1970/,
    ],
    [
      'a database that does not start',
      {
        database: {
          state: () => 'down',
          downFor: () => 'its disk is full',
          health: { ...well.database.health, now: () => 'unreachable' },
        },
      },
      /database has been unreachable since 1970[^ ]* \(its disk is full\)\. Redirects keep/,
    ],
    [
      'a database that takes no changes',
      { refused: () => 'its disk is full' },
      /^The database accepts no changes: its disk is full\. Redirects keep working\. Creating or editing links fails\.$/,
    ],
    [
      'a slow database',
      { database: { state: () => 'up', downFor: () => undefined, health: { ...well.database.health, now: () => 'slow' } } },
      /database has been slow since 1970/,
    ],
    [
      'a database that was unreachable a moment ago',
      {
        database: {
          state: () => 'up',
          downFor: () => undefined,
          health: { ...well.database.health, past: () => ({ was: 'unreachable', from: 0, until: 9_000, over: Date.now() }) },
        },
      },
      /^The database was unreachable until 1970-01-01T00:00:09.000Z\. Requests that needed it got 503\.$/,
    ],
    [
      'a flood',
      firing('unknown_flood', 1_234),
      /guessing short codes: 1,234 requests for unknown codes were refused within 2 minutes/,
    ],
    ['an alert that is only tried', { alerts: { list: () => [{ ...FIRING, name: 'unknown_flood', test: true }] } }, undefined],
    [
      'journal files that were skipped',
      firing('journal_skipped', 3),
      /^3 click journal files cannot be read completely\. No file is deleted\./,
    ],
    ['poisoned links', firing('targets_refused', 4), /lead to no web address, so they get 404 \(found in 5 minutes: 4\)/],
    [
      'few descriptors',
      { descriptors: { figures: () => ({ open: 10_042, most: 12_000, low: true }) } },
      /^10,042 of 12,000 file descriptors are open. At the limit, new connections fail\.$/,
    ],
    ['the Valkey of the rate limits', { limits: { sharedAway: () => 80 } }, /Valkey of the rate limits does not answer/],
    [
      'an upgrade that is under way',
      { members: { list: () => replicas('0.10.0', '0.2.0', '0.2.0') } },
      /^Replicas run different releases: 0\.2\.0 and 0\.10\.0\.$/,
    ],
    [
      'one release, and another that is lost',
      { members: { list: () => [...replicas('0.2.0'), { state: 'lost', version: '0.1.0' }] } },
      undefined,
    ],
    ['a silent connection', { sampler: { database: () => ({ ...well.sampler.database(), renewed: 0 }) } }, /replaced at 1970/],
    [
      'a failover',
      { sampler: { database: () => ({ ...well.sampler.database(), moved: 0 }) } },
      /server became the primary at 1970/,
    ],
    ['Valkey', { shared: { figures: () => ({ up: false }) } }, /shared cache \(Valkey\) does not answer/],
    [
      'one Valkey for both',
      { shared: { figures: () => ({ up: false }) }, limits: { sharedAway: () => 80 } },
      /shared cache \(Valkey\) does not answer.* rate limits does not answer/,
    ],
    ['Valkey that answers', { shared: { figures: () => ({ up: true }) } }, undefined],
    [
      'a full disk',
      { clicks: { figures: () => ({ ...well.clicks.figures(), noRoom: 'ENOSPC' as never }) } },
      /no room \(ENOSPC\)/,
    ],
    [
      'little memory',
      { memory: { figures: () => ({ used: 3.8 * GIB, limit: 4 * GIB, tight: true }) } },
      /Memory is at 95 % of its limit/,
    ],
    ['a clock behind', { clock: { lasting: () => -3600.2 } }, /clock of this machine is 3,600 s behind the database’s/],
    ['a clock ahead', { clock: { lasting: () => 5.6 } }, /clock of this machine is 6 s ahead of the database’s/],
  ])('is said in a sentence: %s', (_, wrong, said) => {
    const { troubles, problems } = nowOf({ ...well, ...wrong } as never)()
    expect(problems!.map(({ code, params }) => sentence(code as Code, params!))).toEqual(troubles)
    expect(troubles).toEqual(said ? [expect.stringMatching(said)] : [])
  })
})

describe('samples of several replicas', () => {
  const fast = REDIRECT_BUCKETS[0]!
  const slow = REDIRECT_BUCKETS[BOUNDS.length - 1]!
  const table = (time: number, values: Record<string, number>): Table => ({
    step: 1,
    columns: COLUMNS,
    rows: [[time, ...sampleOf({ elapsed: 1000, ...values })]],
  })

  test('are added up by time; lag is the worst', () => {
    const one = table(100, { '2xx': 3, hit: 10, rss: 1024, backlog: 5, loop_lag: 2_000, cpu: 250_000 })
    const two = table(100, { '2xx': 4, hit: 1, rss: 2048, backlog: 7, loop_lag: 9_000, cpu: 500_000 })
    const later = table(101, { '2xx': 1 })
    expect(chartOf(join([one, two, later]))).toMatchObject({
      time: [100, 101],
      requests: { '2xx': [7, 1] },
      redirects: [11, 0],
      rss: [3 * 1024 * 1024, 0],
      backlog: [12, 0],
      loop_lag: [9, 0],
      cpu: [0.75, 0],
    })
  })

  test('have the quantiles of all their requests, not the mean of their quantiles', () => {
    const busy = table(100, { hit: 990, [fast]: 990 })
    const hanging = table(100, { miss: 10, [slow]: 10 })
    const quantiles = (tables: Table[]) => chartOf(join(tables))
    const both = quantiles([busy, hanging])
    expect(both.p50[0]).toBeLessThan(BOUNDS[0]! * 1000)
    expect(both.p99[0]).toBeLessThanOrEqual(BOUNDS[0]! * 1000)
    expect(quantiles([hanging]).p50[0]).toBeGreaterThan(BOUNDS.at(-2)! * 1000)
    expect(quantiles([table(100, {})]).p50[0]).toBeNull()
  })

  test('one that was held up for three seconds counts by the second', () => {
    const heldUp = table(100, { elapsed: 3000, '2xx': 30 })
    expect(chartOf(join([heldUp, table(100, { '2xx': 5 })])).requests['2xx']).toEqual([15])
  })

  test('of another release lack columns, and have others', () => {
    const older: Table = { step: 1, columns: ['elapsed', '2xx', 'gone'], rows: [[100, 1000, 2, 99]] }
    expect(chartOf(join([older, table(100, { '2xx': 1, hit: 1 })]))).toMatchObject({ requests: { '2xx': [3] }, redirects: [1] })
  })
})

describe('the ring', () => {
  const now = 1_800_000_000
  const days = sampleRing()
  beforeAll(() => {
    for (let second = now - 3 * 86_400; second < now; second++)
      days.add(second, sampleOf({ elapsed: 1000, '2xx': 1, rss: second % 7 }))
  })

  test.each([60, 900, 901, 10_800, 10_801, 32_401, LONGEST])('has a window of %d s whole, in at most 1,441 steps', (window) => {
    const step = stepOf(window)
    const table = days.read(now - window, now, step)
    const covered = window + ((now - window) % step)
    expect(sum(columnOf(table, '2xx'))).toBe(covered)
    expect(sum(columnOf(table, 'elapsed'))).toBe(covered * 1000)
    expect(table.rows.length).toBeLessThanOrEqual(1_441)
    expect(table.rows.map(([time]) => time! % step).every((rest) => rest === 0)).toBe(true)
    expect(Math.max(...columnOf(table, 'rss'))).toBe(6) // of readings the highest
  })

  test('keeps no more than 15 minutes by the second and a day by ten', () => {
    expect(days.read(0, now, 1).rows.length).toBe(900)
    expect(days.read(0, now, 10).rows.length).toBe(8_640)
  })

  test('leaves out what was never sampled', () => {
    const ring = sampleRing()
    ring.add(now - 50, sampleOf({ elapsed: 1000, hit: 1 }))
    ring.add(now - 10, sampleOf({ elapsed: 1000, hit: 2 }))
    expect(ring.read(now - 60, now, 1).rows.map(([time]) => time)).toEqual([now - 50, now - 10])
    expect(ring.read(now - 30, now - 10, 1).rows).toEqual([])
  })
})

describe('streams of events', () => {
  test('are bounded in number, and in memory for a reader that does not read', async () => {
    const streams = eventStreams(2)
    let reader: StreamReader | undefined
    const one = streams.open((given) => {
      reader = given
      return () => {}
    })
    streams.open(() => () => {})
    expect(() => streams.open(() => () => {})).toThrow('too many')
    let taken = 0
    while (taken < 10_000 && reader!.event('x'.repeat(1_000))) taken++
    expect(taken).toBeGreaterThan(100)
    expect(taken).toBeLessThan(300)
    await one.body!.cancel()
    expect(streams.size()).toBe(1)
    streams.open(() => () => {})
    streams.endAll()
    expect(streams.size()).toBe(0)
  })
})

describe('GET /api/overview', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(anyDatabase, { CHAOS_TOKEN })
    await server.post('/urls', { original_url: 'https://example.com/', short_code: 'known' })
  })
  afterAll(() => server.stop())

  const second = () => Math.floor(Date.now() / 1000)
  /** Everything that happened until now is in the samples. */
  const sampled = async () => {
    const over = second() + 1
    while (Date.now() < over * 1000 + 150) await Bun.sleep(20)
    return over
  }

  test('has the figures of the requests made', async () => {
    const from = await sampled()
    for (let i = 0; i < 40; i++) await server.get('/known')
    for (let i = 0; i < 15; i++) await server.get('/users/999999')
    for (let i = 0; i < 5; i++) await server.get('/no-such-code')
    const to = await sampled()

    const { body: table } = await server.get(`/api/overview/samples?from=${from}&to=${to}`)
    const counted = (name: string) => sum(columnOf(table, name))
    expect([counted('3xx'), counted('4xx'), counted('5xx')]).toEqual([40, 20, 0])
    expect(counted('hit') + counted('edge') + counted('miss')).toBe(40)
    expect(counted('hit')).toBeGreaterThanOrEqual(39)
    expect(sum(REDIRECT_BUCKETS.map(counted))).toBe(40)

    const { body } = await server.get('/api/overview?window=60')
    const { samples, step } = body
    expect(step).toBe(1)
    const within = (values: number[]) => values.filter((_, i) => samples.time[i] >= from && samples.time[i] < to)
    const elapsed = columnOf(table, 'elapsed')
    const totalOf = (rates: number[]) => sum(within(rates).map((rate, i) => (rate * elapsed[i]!) / 1000))
    expect(totalOf(samples.requests['3xx'])).toBeCloseTo(40, 0)
    expect(totalOf(samples.requests['4xx'])).toBeCloseTo(20, 0)
    expect(totalOf(samples.redirects)).toBeCloseTo(40, 0)
    expect(Math.max(...within(samples.p99).map(Number))).toBeGreaterThan(0)
    expect(Math.max(...within(samples.api.p99).map(Number))).toBeGreaterThan(0)
    expect(samples.rss.at(-1)).toBeGreaterThan(50e6)
    for (const column of [samples.p50, samples.cpu, samples.loop_lag, samples.tiers.edge, samples.requests['5xx']])
      expect(column.length).toBe(samples.time.length)
  })

  test.each(['59', '86401', '-1', 'x', '1e3', '90.5'])('refuses a window of %p', async (window) => {
    const { status, body } = await server.get(`/api/overview?window=${window}`)
    expect([status, body.details?.[0].field]).toEqual([400, 'window'])
  })

  test.each([
    ['?window=60', 1],
    ['', 1],
    ['?window=', 1],
    ['?window=3600', 10],
    ['?window=86400', 60],
    ['?window=86400&replica=all', 60],
  ])('takes %p, in steps of %d s', async (query, step) => {
    const { status, body } = await server.get(`/api/overview${query}`)
    expect([status, body.step, body.asked, body.answered]).toEqual([200, step, 1, 1])
  })

  test.each([
    ['/api/overview?replica=nobody', 404],
    ['/api/overview/samples', 400],
    ['/api/overview/samples?from=1&to=2&step=7', 400],
    ['/api/overview/samples?from=1&to=99999999', 400],
  ])('%s answers %d', async (path, status) => {
    expect((await server.get(path)).status).toBe(status)
  })

  test('with the embedded database is of a fleet of one', async () => {
    const { body } = await server.get('/api/fleet')
    expect(body.replicas).toMatchObject([{ state: 'ready', self: true, slot: 0, url: server.base }])
  })

  test('says in sentences what is wrong, and which faults are armed', async () => {
    // A busy machine may have other troubles, too.
    const ofDatabase = (troubles: string[]) => troubles.filter((text) => text.includes('unreachable'))
    const told = async () => ofDatabase((await server.get('/api/overview')).body.troubles).join()
    await until('the database is well', async () => (await told()) === '')
    await server.post('/chaos', { fault: 'database', duration: 30 }, { 'x-chaos-token': CHAOS_TOKEN })
    while (server.database.state() === 'up') await Bun.sleep(20)
    await server.get('/known')
    await sampled()
    const { body } = await server.get('/api/overview')
    expect(body.now).toMatchObject({ database: { state: 'away' }, faults: [{ fault: 'database' }] })
    expect(Date.now() - Date.parse(body.now.database.since)).toBeLessThan(30_000)
    expect(body.troubles).toEqual(body.now.troubles)
    expect(body.troubles.join()).toMatch(/database has been unreachable since .*Redirects keep working/)
    expect(body.replica.state).toBe('degraded')
    await server.call('DELETE', '/chaos', undefined, { 'x-chaos-token': CHAOS_TOKEN })
    while (server.database.state() !== 'up') await Bun.sleep(20)
    await sampled()
    const { now } = (await server.get('/api/overview')).body
    expect(now.database).toMatchObject({ state: 'up', condition: 'unreachable' }) // until it has answered for ten seconds
    expect(ofDatabase(now.troubles)).toEqual(ofDatabase(body.troubles))
    await until('it is over', async () => !/unreachable since/.test(await told()))
    expect(await told()).toMatch(/^The database was unreachable until \S+\. Requests that needed it got 503\.$/)
    await until('it is forgotten', async () => (await told()) === '', 100_000) // after twenty seconds, and when its alert has ended
  })

  describe('as a stream', () => {
    const SSE = { accept: 'text/event-stream' }
    type Event = { id: number; event: string | undefined; data: any }

    /** Reads until `enough`, or the end. */
    async function read(response: Response, enough: (events: Event[]) => boolean): Promise<Event[]> {
      const events: Event[] = []
      let rest = ''
      for await (const text of response.body!.pipeThrough(new TextDecoderStream()) as unknown as AsyncIterable<string>) {
        const blocks = (rest + text).split('\n\n')
        rest = blocks.pop()!
        for (const block of blocks) {
          const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
          if (field('data')) events.push({ id: Number(field('id')), event: field('event'), data: JSON.parse(field('data')!) })
        }
        if (enough(events)) break
      }
      return events
    }
    const open = (query = '', headers = {}) =>
      fetch(`${server.base}/api/overview/stream${query}`, { headers: { ...SSE, ...headers } })
    const ids = (events: Event[]) => events.map(({ id }) => id)

    test('says each second how it was', async () => {
      const events = await read(await open(), (events) => events.length >= 3)
      const [first] = ids(events)
      expect(ids(events).slice(0, 3)).toEqual([first!, first! + 1, first! + 2])
      for (const { id, data } of events) {
        expect(data.sample.time).toBe(id)
        expect(data).toMatchObject({
          asked: 1,
          answered: 1,
          now: { phase: 'ready' },
          replicas: [{ self: true }],
          troubles: expect.any(Array),
        })
      }
      const { body } = await server.get('/api/overview?window=60')
      const place = body.samples.time.indexOf(events[0]!.id)
      expect(events[0]!.data.sample.rss).toBe(body.samples.rss[place])
    })

    test.each(['', '?replica=all'])('resumes where it was cut (%p)', async (query) => {
      const before = await read(await open(query), (events) => events.length >= 2)
      const last = before.at(-1)!.id
      await Bun.sleep(4_000) // nobody listens
      const after = await read(await open(query, { 'last-event-id': String(last) }), (events) => events.length >= 6)
      expect(ids(after).slice(0, 6)).toEqual(Array.from({ length: 6 }, (_, i) => last + 1 + i))
      expect(after.every(({ data }) => data.sample.time > last)).toBe(true)
    })

    test('tells a client that was disconnected for long how many seconds it skips', async () => {
      const last = second() - 1_000
      const [event] = await read(await open('', { 'last-event-id': String(last) }), (events) => events.length > 0)
      expect(event!.event).toBe('skipped')
      expect(event!.data).toBeGreaterThan(600)
    })

    test.each(['x', '99999999999999', '-5', String(second() + 900)])('takes no notice of Last-Event-ID: %s', async (id) => {
      const events = await read(await open('', { 'last-event-id': id }), (events) => events.length > 0)
      expect(events[0]!.data).toMatchObject({ asked: 1, sample: { time: events[0]!.id } })
    })

    test('is given to nobody who does not ask for one, and keeps no HEAD waiting', async () => {
      expect((await server.get('/api/overview/stream')).status).toBe(406)
      const head = await fetch(`${server.base}/api/overview/stream`, { method: 'HEAD', headers: SSE })
      expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
    })

    test('ends when the key it was opened with is revoked, and when the server drains', async () => {
      const own = await serveOn(anyDatabase, { ADMIN_TOKEN: 'an-operators-long-token' })
      const { id, key } = (await own.post('/api/keys', { name: 'reader', scope: 'read' })).body
      const follow = (token: string) =>
        fetch(`${own.base}/api/overview/stream`, { headers: { ...SSE, authorization: `Bearer ${token}` } })
      const readers = [await follow(key), await follow('an-operators-long-token')]
      expect(readers.map(({ status }) => status)).toEqual([200, 200])
      let heard = 0
      const ends = [
        read(readers[0]!, () => false),
        read(readers[1]!, (events) => {
          heard = events.length
          return false
        }),
      ]
      await own.call('DELETE', `/api/keys/${id}`)
      await ends[0]
      const before = heard
      await until('the other goes on', () => heard > before + 1)
      expect(await own.stop()).toBe(0)
      await ends[1]
    })
  })
})
