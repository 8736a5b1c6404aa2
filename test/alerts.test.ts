// Alerts and faults as the console shows them: what fires, since when and how bad it got, and what a fault did while it was armed.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, setSystemTime, spyOn, test } from 'bun:test'
import { type AlertName, type Readings, watchAlerts } from '../src/telemetry/alerts.ts'
import { createMetrics } from '../src/telemetry/metrics.ts'
import { databases } from './databases.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'

setDefaultTimeout(60_000)
const ADMIN_TOKEN = 'an-operators-long-token'
const CHAOS_TOKEN = 'break-it'
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)

test('a probe that is told to wait is no error', () => {
  const metrics = createMetrics()
  metrics.observe('GET', '/ready', 503, 0.001)
  metrics.observe('GET', '/urls', 503, 0.001)
  expect(metrics.requests()).toMatchObject({ count: 2, errors: 1, by_status: { '5xx': 2 } })
})

describe('the history of alerts', () => {
  const quiet: Readings = {
    count: 0,
    errors: 0,
    seconds: 0,
    database: 'up',
    oldestClick: undefined,
    droppedClicks: 0,
    shortDisk: 0,
    clockOffset: 0,
    databaseTakes: 3,
    moves: 0,
    missedReplicas: 0,
    valkeyAway: 0,
    memory: { share: 0.2, low: false },
    descriptors: { share: 0.01, low: false },
    refusedUnknown: 0,
    refusedTargets: 0,
  }

  test('says from when to when, and how bad it got', () => {
    let now = quiet
    const alerts = watchAlerts(() => now)
    expect(alerts.history()).toEqual([])
    for (const age of [40_000, 90_000, 60_000]) {
      now = { ...quiet, oldestClick: Date.now() - age }
      alerts.status()
    }
    expect(alerts.history()).toMatchObject([{ name: 'click_backlog', from: TIME, to: null, test: false }])
    now = quiet
    alerts.status()
    const [fired] = alerts.history()
    expect(fired).toMatchObject({ name: 'click_backlog', to: TIME })
    expect(Math.round(fired!.peak)).toBe(90)
    alerts.stop()
  })

  test('a clock that is off fires whichever way it is off', () => {
    let now = quiet
    const alerts = watchAlerts(() => now)
    const states = [4.9, -5.1, 3_600, -4.9, 0].map((clockOffset) => {
      now = { ...quiet, clockOffset }
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

  test.each<[AlertName, [reading: Partial<Readings>, state: 'ok' | 'firing', value: number][]]>([
    [
      'replica_lost',
      [
        [{ missedReplicas: 2 }, 'firing', 2],
        [{}, 'ok', 0],
      ],
    ],
    [
      'database_slow',
      [
        [{ databaseTakes: 150 }, 'ok', 150],
        [{ databaseTakes: 151 }, 'firing', 151],
        [{ databaseTakes: 900, database: 'down' }, 'ok', 0], // that is service_down
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
        [{ memory: { share: 0.91, low: true } }, 'firing', 91],
        [{ memory: { share: 0.88, low: true } }, 'firing', 88], // not over before there is enough again
        [{ memory: { share: 0.88, low: false } }, 'ok', 88],
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
        [{ refusedUnknown: 100 }, 'ok', 100],
        [{ refusedUnknown: 101 }, 'firing', 101],
      ],
    ],
    ['targets_refused', [[{ refusedTargets: 1 }, 'firing', 1]]],
  ])('%s fires when it should, and not as a test', (name, steps) => {
    let now = quiet
    const alerts = watchAlerts(() => now)
    for (const [reading, state, value] of steps) {
      now = { ...quiet, ...reading }
      expect(alerts.list().find((alert) => alert.name === name)).toMatchObject({ state, value, test: false })
    }
    alerts.stop()
  })

  test.each<[AlertName, Partial<Readings>, seconds: number]>([
    ['clicks_dropped', { droppedClicks: 3 }, 120],
    ['unknown_flood', { refusedUnknown: 500 }, 120],
    ['database_moved', { moves: 1 }, 300],
    ['targets_refused', { refusedTargets: 4 }, 300],
  ])('%s is over after its window, and not before', (name, reading, seconds) => {
    let at = 1_000_000
    const clock = spyOn(performance, 'now').mockImplementation(() => at)
    let now = quiet
    const alerts = watchAlerts(() => now)
    now = { ...quiet, ...reading }
    const fires = []
    for (const to of [2, seconds - 5, seconds + 5]) {
      for (at += 1_000; at < 1_000_000 + to * 1000; at += 1_000) alerts.status()
      fires.push(alerts.status()[name].state)
    }
    expect(fires).toEqual(['firing', 'firing', 'ok'])
    alerts.stop()
    clock.mockRestore()
  })

  test('a clock that jumps makes no window of days', () => {
    let now = quiet
    const alerts = watchAlerts(() => now)
    setSystemTime(new Date(Date.now() - 3_600_000))
    now = { ...quiet, count: 100, errors: 50 }
    expect(alerts.status().high_error_rate).toMatchObject({ state: 'firing', value: 50 })
    setSystemTime()
    alerts.stop()
  })

  test('keeps the newest two hundred', () => {
    let now = quiet
    const alerts = watchAlerts(() => now)
    for (let i = 0; i < 250; i++)
      for (const database of ['down', 'up'] as const) {
        now = { ...quiet, database }
        alerts.status()
      }
    expect(alerts.history()).toHaveLength(200)
    expect(alerts.history()[0]).toMatchObject({ name: 'service_down', peak: 1, to: TIME })
    alerts.stop()
  })

  test('a test that turns serious is none', () => {
    let now = quiet
    const alerts = watchAlerts(() => now)
    alerts.test('service_down')
    expect(alerts.history()).toMatchObject([{ name: 'service_down', test: true, peak: 0 }])
    now = { ...quiet, database: 'down' }
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

  async function until(what: string, look: () => Promise<boolean>) {
    const deadline = Date.now() + 20_000
    while (!(await look())) {
      if (Date.now() > deadline) throw new Error(`not within 20 s: ${what}`)
      await Bun.sleep(50)
    }
  }

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
    })
    expect(found.history).toMatchObject([{ name: 'high_latency', to: null, test: true }])
    expect((await server.get('/alert-status')).body.high_latency.state).toBe('firing')
    await until('it is over', async () => (await server.get('/alert-status')).body.high_latency.state === 'ok')
    const [past] = (await server.get('/api/alerts')).body.history
    expect(Date.parse(past.to)).toBeGreaterThanOrEqual(Date.parse(ends))
    expect(past).toMatchObject({ name: 'high_latency', from: TIME, to: TIME, test: true })
  })

  test('a database that is away is an alert, and a line of history when it is back', async () => {
    await arm({ fault: 'database', duration: 60 })
    await until('it fires', async () => (await server.get('/alert-status')).body.service_down.state === 'firing')
    await end()
    await until('it is over', async () => (await server.get('/alert-status')).body.service_down.state === 'ok')
    const [past] = (await server.get('/api/alerts')).body.history
    expect(past).toMatchObject({ name: 'service_down', peak: 1, to: TIME, test: false })
  })

  test('a fault tells what it did: before, meanwhile, and after', async () => {
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

  test('an armed fault is told with its end, and counts on', async () => {
    await arm({ fault: 'latency', duration: 60, share: 0.5, latency_ms: 1 })
    const first = await chaos()
    expect(first.armed).toMatchObject([{ fault: 'latency', share: 0.5, latency_ms: 1, until: TIME }])
    expect(first.history[0]).toMatchObject({ fault: 'latency', to: null, evidence: { after: null } })
    await server.get('/known')
    const second = await chaos()
    expect(second.history[0].evidence.while.clicks).toBe(first.history[0].evidence.while.clicks + 1)
    await end()
  })

  test('to look needs no chaos token, and a server without one says that it takes none', async () => {
    const open = await serveOn(kind)
    expect((await open.get('/api/chaos')).body).toEqual({ enabled: false, armed: [], history: [] })
    await open.stop()
  })
})
