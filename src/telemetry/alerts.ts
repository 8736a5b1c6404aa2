// The built-in alerts: seven conditions, evaluated every few seconds from the same counters as /metrics, with what they said before.
import type { DatabaseState } from '../database/guard.ts'

export type Alert = { state: 'ok' | 'firing'; since: string; value: number; limit: number; unit: string }
export type AlertName = keyof typeof ALERTS

/** An alert that fired; `to` is null while it does. `peak` is the worst value meanwhile. */
export type Fired = { name: AlertName; from: string; to: string | null; peak: number; test: boolean }

/** What the conditions are about: sums since the start, and the state now. */
export type Readings = {
  count: number
  errors: number
  seconds: number
  database: DatabaseState
  oldestClick: number | undefined
  droppedClicks: number
  /** Bytes of free disk that are missing to what is to stay free. */
  shortDisk: number
  /** Seconds that this machine's clock is ahead of the database's. */
  clockOffset: number
}

const EVERY = 5_000
const WINDOW = 120_000
const ENOUGH_REQUESTS = 20 // below this, one failure would be a rate
const KEPT = 200
const TEST_FOR = 10_000

const ALERTS = {
  service_down: {
    limit: 0,
    unit: 'database unreachable',
    help: 'The database does not answer. Redirects of known links go on; changes answer 503.',
  },
  high_error_rate: {
    limit: 10,
    unit: '% of requests in 2 minutes',
    help: `More than 10 % of requests failed on our side (5xx), out of at least ${ENOUGH_REQUESTS}.`,
  },
  high_latency: { limit: 1, unit: 'seconds, mean of 2 minutes', help: 'Requests take longer than a second on average.' },
  click_backlog: {
    limit: 30,
    unit: 'seconds, age of the oldest click not stored',
    help: 'Clicks wait in the journal for longer than 30 seconds: the database is away, or slower than the clicks come.',
  },
  clicks_dropped: {
    limit: 0,
    unit: 'clicks in 2 minutes, for want of room in the journal',
    help: 'Clicks are lost: the disk is full, or JOURNAL_MAX_BYTES is reached.',
  },
  disk_space: {
    limit: 0,
    unit: 'MiB of free disk short of DISK_FREE_MIN',
    help: 'The disk of DATA_DIR fills up. When it is full, clicks are lost, and the embedded database takes no changes.',
  },
  clock_skew: {
    limit: 5,
    unit: 'seconds that the clock is off the database’s',
    help: 'This machine’s clock, or the database’s, is wrong: clicks get wrong times, keys and sign-ins end too early or too late.',
  },
} satisfies Record<string, { limit: number; unit: string; help: string }>
const NAMES = Object.keys(ALERTS) as AlertName[]

export type Alerts = ReturnType<typeof watchAlerts>

/** Starts the evaluation of `read`; `status` is what /alert-status answers. Calls `changed` when one begins to fire, and when it ends. */
export function watchAlerts(read: () => Readings, changed: (fired: Fired) => void = () => {}) {
  // Timed by a clock that nobody sets: one that jumps would make a window of days.
  const samples: { at: number; count: number; errors: number; seconds: number; droppedClicks: number }[] = []
  const alerts = {} as Record<AlertName, Alert>
  const history: Fired[] = [] // newest last
  const testedUntil = new Map<AlertName, number>()
  evaluate()
  const timer = setInterval(evaluate, EVERY)
  timer.unref()

  function evaluate() {
    const now = Date.now()
    const at = performance.now()
    const { count, errors, seconds, database, oldestClick, droppedClicks, shortDisk, clockOffset } = read()
    const last = samples.at(-1)
    if (!last || at - last.at >= 1_000) samples.push({ at, count, errors, seconds, droppedClicks })
    while (samples[0]!.at < at - WINDOW) samples.shift()
    const first = samples[0]!
    const requests = count - first.count
    const enough = requests >= ENOUGH_REQUESTS
    set('service_down', database === 'down' ? 1 : 0)
    set('high_error_rate', enough ? (100 * (errors - first.errors)) / requests : 0)
    set('high_latency', enough ? (seconds - first.seconds) / requests : 0)
    set('click_backlog', oldestClick ? (now - oldestClick) / 1000 : 0)
    set('clicks_dropped', droppedClicks - first.droppedClicks)
    set('disk_space', shortDisk / 1024 ** 2)
    set('clock_skew', Math.abs(clockOffset))
  }

  function set(name: AlertName, measured: number) {
    const { limit, unit } = ALERTS[name]
    const now = new Date()
    const value = Math.round(measured * 1000) / 1000
    const tested = (testedUntil.get(name) ?? 0) > now.getTime()
    const test = tested && value <= limit
    const state = value > limit || tested ? 'firing' : 'ok'
    const turned = alerts[name]?.state !== state
    alerts[name] = { state, since: turned ? now.toISOString() : alerts[name].since, value, limit, unit }
    const last = history.findLast((fired) => fired.name === name && fired.to === null)
    if (state === 'ok') {
      if (!last) return
      last.to = now.toISOString()
      changed(last)
    } else if (!last) {
      const fired: Fired = { name, from: now.toISOString(), to: null, peak: value, test }
      history.push(fired)
      if (history.length > KEPT) history.shift()
      changed(fired)
    } else {
      last.peak = Math.max(last.peak, value)
      last.test &&= test // what began as a test and goes on is none
    }
  }

  return {
    status() {
      evaluate()
      return alerts
    },
    /** Every alert with its threshold and what it is about. */
    list() {
      evaluate()
      return NAMES.map((name) => {
        const { state, since, value, limit, unit } = alerts[name]
        const test = state === 'firing' && value <= limit
        return { name, state, since, value, threshold: limit, unit, help: ALERTS[name].help, test }
      })
    },
    /** Newest first, at most 200. */
    history: () => history.toReversed(),
    /** Lets `name` fire for 10 s, to see whom it reaches; undefined where there is no such alert. */
    test(name: string) {
      const known = NAMES.find((one) => one === name)
      if (!known) return undefined
      testedUntil.set(known, Date.now() + TEST_FOR)
      evaluate()
      const alert = alerts[known]
      if (alert.value <= alert.limit) alert.since = new Date().toISOString() // also where an earlier test goes on: this is another
      setTimeout(evaluate, TEST_FOR + 1).unref()
      return { name: known, until: new Date(testedUntil.get(known)!).toISOString() }
    },
    stop: () => clearInterval(timer),
  }
}
