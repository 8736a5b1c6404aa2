// Alerts and faults as the console shows them: what fires, since when and how bad it got, and what a fault did while it was armed.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, mock, setSystemTime, spyOn, test } from 'bun:test'
import { followCondition } from '../src/database/condition.ts'
import { ALERTS, type AlertName } from '../src/monitor/alerts/index.ts'
import type { Sources } from '../src/monitor/alerts/sources.ts'
import { watchAlerts } from '../src/monitor/alerts/watch.ts'
import { steady } from '../src/monitor/steady.ts'
import { createMetrics } from '../src/telemetry/metrics.ts'
import { databases } from './databases.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'
import { until } from './until.ts'

const ADMIN_TOKEN = 'an-operators-long-token'
const CHAOS_TOKEN = 'break-it-on-purpose'
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)

test('503 to a probe counts as 5xx, but not as a failure', () => {
  const metrics = createMetrics()
  metrics.observe('GET', '/ready', 503, 0.001)
  metrics.observe('GET', '/urls', 503, 0.001)
  expect(metrics.requests()).toMatchObject({ count: 2, errors: 2, failed: 1, by_status: { '5xx': 2 } })
})

describe('what lasts', () => {
  test('begins at once, and ends when it was good for a while without a break', () => {
    let now = 0
    const clock = spyOn(performance, 'now').mockImplementation(() => now)
    const lasting = steady(30_000)
    const said = [...'bgggbggggb.g'].map((look) => {
      now += 10_000
      return look === '.' ? '.' : lasting.is('it', look === 'b') ? 'B' : 'G'
    })
    expect(said.join('')).toBe('BBBBBBBBGB.B')
    clock.mockRestore()
  })
})

describe('the condition of the database', () => {
  let now = 0
  beforeEach(() => {
    now = 1_000_000
    spyOn(performance, 'now').mockImplementation(() => now)
  })
  afterEach(() => mock.restore())

  /** a: an answer; l: one that was late by 150 ms, L: by 5 s; s: a look that got no answer, r: one that was refused. Each is a second after the last. */
  test.each<[string, string, string]>([
    ['one late answer is none', 'l', 'up'],
    ['three are slow', 'lll', 'slow'],
    ['with good ones between', 'alalal', 'slow'],
    ['far apart they are not', 'laaaaaaaaaaaaaaalaaaaaaaaaaaaaaal', 'up'],
    ['two that hang are', 'LaaaL', 'slow'],
    ['a refusal is unreachable', 'r', 'unreachable'],
    ['a look without an answer is slow', 's', 'slow'],
    ['two in a row are unreachable', 'ss', 'unreachable'],
    ['with an answer between they are not', 'sasasa', 'slow'],
    ['slow is no better than unreachable', 'rlll', 'unreachable'],
    ['ten seconds of answers are good', 'raaaaaaaaaaa', 'up'],
    ['nine are not', 'raaaaaaaaa', 'unreachable'],
    ['nor are they with one late among them', 'raaaaaalaaaaaa', 'unreachable'],
    ['a lock held for long', 'sasasaaaLasaaasaaaaL', 'slow'],
  ])('%s: %s', (_, signs, condition) => {
    const health = followCondition()
    const take: Record<string, () => void> = {
      a: health.answered,
      l: () => health.late(150),
      L: () => health.late(5_000),
      s: () => health.missed(true),
      r: () => health.missed(false),
    }
    for (const sign of signs) {
      now += 1_000
      take[sign]!()
    }
    expect(health.now()).toBe(condition as never)
  })

  test('a breaker that closes is settled at once, and one that flaps when it was closed for a while', () => {
    const health = followCondition()
    const at = (seconds: number, open?: boolean) => {
      now = 1_000_000 + seconds * 1000
      if (open !== undefined) health.breaker(open)
      return health.settled()
    }
    expect([at(0), at(1, true), at(3, false), at(5, true), at(6, false), at(8), at(10), at(30, true), at(31, false)]).toEqual([
      true,
      false,
      true,
      false,
      false,
      false,
      true,
      false,
      true,
    ])
  })
})

describe('the history of alerts', () => {
  let at = 0
  const later = (seconds: number) => (at += seconds * 1000)
  beforeEach(() => {
    at = 1_000_000
    spyOn(performance, 'now').mockImplementation(() => at)
  })
  afterEach(() => mock.restore())
  /** After this what is good has been so for long enough. */
  function settle(alerts: { status: () => unknown }) {
    alerts.status()
    later(30)
    alerts.status()
  }

  const quiet = {
    requests: { count: 0, failed: 0, seconds: 0 },
    database: 'up' as 'up' | 'unreachable',
    takes: 3,
    moves: 0,
    refused: undefined as string | undefined,
    valkeyAway: 0,
    clicks: { oldest: undefined as number | undefined, dropped: 0, unread: 0 },
    poisoned: 0,
    unknown: 0,
    missed: 0,
    clock: 0,
    short: 0,
    memory: { used: 20, limit: 100, tight: false },
    descriptors: { share: 0.01, low: false },
  }
  type Readings = typeof quiet
  /** Parts of a server that say what `read` gives. */
  const sourcesOf = (read: () => Readings) =>
    ({
      metrics: { requests: () => read().requests },
      database: {
        state: () => (read().database === 'up' ? 'up' : 'down'),
        health: { now: () => read().database, takes: () => 0 },
        figures: () => ({ moves: read().moves }),
      },
      refused: () => read().refused,
      valkeyAway: () => read().valkeyAway,
      clicks: { figures: () => read().clicks },
      resolver: { figures: () => ({ refused: read().poisoned }) },
      limits: { refused: () => ({ unknown: read().unknown }) },
      members: { beatTook: () => read().takes, missed: () => read().missed },
      clock: { lasting: () => read().clock },
      disk: { figures: () => ({ short: read().short }) },
      memory: { figures: () => read().memory },
      descriptors: { figures: () => read().descriptors },
    }) as unknown as Sources

  test('says from when to when, and how bad it got', () => {
    let now = quiet
    const alerts = watchAlerts(sourcesOf(() => now))
    expect(alerts.history()).toEqual([])
    for (const age of [40_000, 90_000, 60_000]) {
      now = { ...quiet, clicks: { ...quiet.clicks, oldest: Date.now() - age } }
      alerts.status()
    }
    expect(alerts.history()).toMatchObject([{ name: 'click_backlog', from: TIME, to: null, test: false }])
    now = quiet
    alerts.status()
    later(29)
    now = { ...quiet, clicks: { ...quiet.clicks, oldest: Date.now() - 45_000 } } // it comes and goes, and fires once
    alerts.status()
    now = quiet
    alerts.status()
    later(29)
    expect(alerts.list().find(({ name }) => name === 'click_backlog')).toMatchObject({ state: 'firing', good_since: TIME })
    expect(alerts.history()).toMatchObject([{ to: null }])
    settle(alerts)
    expect(alerts.history()).toHaveLength(1)
    const [fired] = alerts.history()
    expect(fired).toMatchObject({ name: 'click_backlog', to: TIME })
    expect(Math.round(fired!.peak)).toBe(90)
    alerts.stop()
  })

  test('a clock that is off fires whichever way it is off', () => {
    let now = quiet
    const alerts = watchAlerts(sourcesOf(() => now))
    const states = [4.9, -5.1, 3_600, -4.9, 0].map((clock) => {
      now = { ...quiet, clock }
      settle(alerts)
      const { state, value } = alerts.status().clock_skew
      return [state, value]
    })
    expect(states).toEqual([
      ['ok', 4.9],
      ['firing', 5.1],
      ['firing', 3_600],
      ['ok', 4.9],
      ['ok', 0],
    ])
    alerts.stop()
  })

  const now: [AlertName, [reading: Partial<Readings>, state: 'ok' | 'firing', value: number][]][] = [
    ['service_down', [[{ database: 'unreachable' }, 'firing', 1]]],
    [
      'database_refuses',
      [
        [{ refused: 'its disk is full' }, 'firing', 1],
        [{ refused: 'its disk is full', database: 'unreachable' }, 'ok', 0],
      ],
    ],
    ['disk_space', [[{ short: 3 * 1024 ** 2 }, 'firing', 3]]],
    [
      'replica_lost',
      [
        [{ missed: 2 }, 'firing', 2],
        [{}, 'ok', 0],
      ],
    ],
    [
      'database_slow',
      [
        [{ takes: 150 }, 'ok', 150],
        [{ takes: 151 }, 'firing', 151],
        [{ takes: 900, database: 'unreachable' }, 'ok', 0], // that is service_down
      ],
    ],
    [
      'database_moved',
      [
        [{ moves: 1 }, 'firing', 1],
        [{ moves: 1 }, 'firing', 1],
      ],
    ],
    [
      'shared_cache_down',
      [
        [{ valkeyAway: 700 }, 'ok', 0.7], // one answer that was late
        [{ valkeyAway: 5_100 }, 'firing', 5.1],
      ],
    ],
    [
      'memory_low',
      [
        [{ memory: { used: 91, limit: 100, tight: true } }, 'firing', 91],
        [{ memory: { used: 88, limit: 100, tight: true } }, 'firing', 88], // not over before there is enough again
        [{ memory: { used: 88, limit: 100, tight: false } }, 'ok', 88],
      ],
    ],
    [
      'descriptors_low',
      [
        [{ descriptors: { share: 0.81, low: true } }, 'firing', 81],
        [{ descriptors: { share: 0.78, low: true } }, 'firing', 78],
      ],
    ],
    [
      'unknown_flood',
      [
        [{ unknown: 100 }, 'ok', 100],
        [{ unknown: 101 }, 'firing', 101],
      ],
    ],
    ['targets_refused', [[{ poisoned: 1 }, 'firing', 1]]],
    ['journal_skipped', [[{ clicks: { ...quiet.clicks, unread: 2 } }, 'firing', 2]]],
  ]
  test.each(now)('%s fires when it should, and not as a test', (name, steps) => {
    let now = quiet
    const alerts = watchAlerts(sourcesOf(() => now))
    for (const [reading, state, value] of steps) {
      now = { ...quiet, ...reading }
      settle(alerts)
      expect(alerts.list().find((alert) => alert.name === name)).toMatchObject({ state, value, test: false })
    }
    alerts.stop()
  })

  const lately: [AlertName, Partial<Readings>, seconds: number][] = [
    ['high_error_rate', { requests: { count: 100, failed: 11, seconds: 1 } }, 120],
    ['high_latency', { requests: { count: 100, failed: 0, seconds: 101 } }, 120],
    ['clicks_dropped', { clicks: { ...quiet.clicks, dropped: 3 } }, 120],
    ['unknown_flood', { unknown: 500 }, 120],
    ['database_moved', { moves: 1 }, 300],
    ['targets_refused', { poisoned: 4 }, 300],
  ]
  test.each(lately)('%s is over after its window, and not before', (name, reading, seconds) => {
    let now = quiet
    const alerts = watchAlerts(sourcesOf(() => now))
    now = { ...quiet, ...reading }
    const fires = []
    for (const to of [2, seconds + 25, seconds + 35]) {
      for (at += 1_000; at < 1_000_000 + to * 1000; at += 1_000) alerts.status()
      fires.push(alerts.status()[name].state)
    }
    expect(fires).toEqual(['firing', 'firing', 'ok'])
    alerts.stop()
  })

  test('every alert is tried here', () => {
    const tried = [...now, ...lately].map(([name]) => name).concat('click_backlog', 'clock_skew')
    expect([...new Set(tried)].sort()).toEqual(ALERTS.map(({ name }) => name).sort())
  })

  test('a clock that jumps makes no window of days', () => {
    let now = quiet
    const alerts = watchAlerts(sourcesOf(() => now))
    setSystemTime(new Date(Date.now() - 3_600_000))
    now = { ...quiet, requests: { count: 100, failed: 50, seconds: 1 } }
    expect(alerts.status().high_error_rate).toMatchObject({ state: 'firing', value: 50 })
    setSystemTime()
    alerts.stop()
  })

  test('keeps the newest two hundred', () => {
    let now = quiet
    const alerts = watchAlerts(sourcesOf(() => now))
    for (let i = 0; i < 250; i++)
      for (const database of ['unreachable', 'up'] as const) {
        now = { ...quiet, database }
        settle(alerts)
      }
    expect(alerts.history()).toHaveLength(200)
    expect(alerts.history()[0]).toMatchObject({ name: 'service_down', peak: 1, to: TIME })
    alerts.stop()
  })

  test('a test that becomes a real alert is no test any more', () => {
    let now = quiet
    const alerts = watchAlerts(sourcesOf(() => now))
    alerts.test('service_down')
    expect(alerts.history()).toMatchObject([{ name: 'service_down', test: true, peak: 0 }])
    now = { ...quiet, database: 'unreachable' }
    expect(alerts.list().find(({ name }) => name === 'service_down')).toMatchObject({ state: 'firing', test: false })
    expect(alerts.history()).toMatchObject([{ name: 'service_down', test: false, peak: 1, to: null }])
    alerts.stop()
  })
})

describe.each(databases.slice(-1))('on the $name database', (kind) => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind, { ADMIN_TOKEN, CHAOS_TOKEN, ...UNLIMITED })
    await server.post('/urls', { original_url: 'https://example.com/', short_code: 'known' })
  })
  afterAll(() => server.stop())

  const chaos = async () => (await server.get('/api/chaos')).body
  const arm = (body: object) => server.post('/chaos', body, { 'x-chaos-token': CHAOS_TOKEN })
  const end = () => server.call('DELETE', '/chaos', undefined, { 'x-chaos-token': CHAOS_TOKEN })

  test('every alert says what it is about, and what it takes', async () => {
    const { status, body } = await server.get('/api/alerts')
    expect(status).toBe(200)
    expect(body.alerts.map(({ name }: { name: string }) => name).sort()).toEqual(
      Object.keys((await server.get('/alert-status')).body).sort(),
    )
    for (const alert of body.alerts)
      expect(alert).toEqual({
        name: expect.any(String),
        state: 'ok',
        since: TIME,
        value: expect.any(Number),
        threshold: expect.any(Number),
        unit: expect.any(String),
        help: expect.stringMatching(/\.$/),
        test: false,
        until: null,
        good_since: null,
      })
    expect(body.history).toEqual([])
  })

  test('one that is tried fires for ten seconds, and is known to be a test', async () => {
    expect((await server.post('/api/alerts/nothing/test')).status).toBe(404)
    const { status, body } = await server.post('/api/alerts/high_latency/test')
    const ends = body.until
    expect([status, body]).toEqual([202, { name: 'high_latency', until: TIME }])
    const found = (await server.get('/api/alerts')).body
    expect(found.alerts.find(({ name }: { name: string }) => name === 'high_latency')).toMatchObject({
      state: 'firing',
      test: true,
      until: ends,
    })
    const { now, problems } = (await server.get('/api/overview')).body
    expect([now.alerts, problems]).toEqual([
      [{ name: 'high_latency', since: TIME, test: true, until: ends, cause: 'high_latency' }],
      [],
    ])
    expect(found.history).toMatchObject([{ name: 'high_latency', to: null, test: true }])
    expect((await server.get('/alert-status')).body.high_latency.state).toBe('firing')
    await until('it is over', async () => (await server.get('/alert-status')).body.high_latency.state === 'ok')
    const [past] = (await server.get('/api/alerts')).body.history
    expect(Date.parse(past.to)).toBeGreaterThanOrEqual(Date.parse(ends))
    expect(past).toMatchObject({ name: 'high_latency', from: TIME, to: TIME, test: true })
  })

  test('an unreachable database is an alert, and an entry of the history when it is back', async () => {
    await arm({ fault: 'database', duration: 60 })
    await until('it fires', async () => (await server.get('/alert-status')).body.service_down.state === 'firing')
    await end()
    await until('it is over', async () => (await server.get('/alert-status')).body.service_down.state === 'ok')
    const [past] = (await server.get('/api/alerts')).body.history
    expect(past).toMatchObject({ name: 'service_down', peak: 1, to: TIME, test: false })
  })

  test('a fault has measurements of before, during and after', async () => {
    await server.get('/users')
    await server.get('/known')
    const before = (await chaos()).history.length
    expect((await arm({ fault: 'errors', duration: 60 })).status).toBe(204)
    for (let i = 0; i < 8; i++) expect((await server.get('/users')).status).toBe(500)
    for (let i = 0; i < 5; i++) expect((await server.get('/known')).status).toBe(302)
    await end()
    for (let i = 0; i < 3; i++) await server.get('/users')
    const { enabled, armed, history } = await chaos()
    expect([enabled, armed, history.length]).toEqual([true, [], before + 1])
    const [{ evidence, ...fault }] = history
    expect(server.ring.read({ limit: 1, filter: `"request_id":"${fault.by}"` })).toMatchObject([
      { path: '/chaos', method: 'POST' },
    ])
    expect(fault).toMatchObject({ fault: 'errors', share: 1, latency_ms: 200, by: expect.any(String), from: TIME, to: TIME })
    expect(evidence.before.requests).toBeGreaterThanOrEqual(2)
    expect(evidence.before.clicks).toBeGreaterThanOrEqual(1)
    // The request that armed it is counted when it is answered, the one that ends it not yet.
    expect(evidence.while).toMatchObject({ requests: 14, errors: 8, clicks: 5, dropped: 0 })
    expect(evidence.after).toMatchObject({ requests: 4, errors: 0, clicks: 0 })
  })

  test('an armed fault is reported with its end, and keeps counting', async () => {
    await arm({ fault: 'latency', duration: 60, share: 0.5, latency_ms: 1 })
    const first = await chaos()
    expect(first.armed).toMatchObject([{ fault: 'latency', share: 0.5, latency_ms: 1, until: TIME }])
    expect(first.history[0]).toMatchObject({ fault: 'latency', to: null, evidence: { after: null } })
    await server.get('/known')
    const second = await chaos()
    expect(second.history[0].evidence.while.clicks).toBe(first.history[0].evidence.while.clicks + 1)
    await end()
  })

  test('reading needs no chaos token, and a server without one says that it accepts no faults', async () => {
    const open = await serveOn(kind)
    expect((await open.get('/api/chaos')).body).toEqual({ enabled: false, armed: [], history: [] })
    await open.stop()
  })
})
