// The built-in alerts: conditions evaluated every few seconds from the same counters as /metrics, with what they said before.
import type { DatabaseState } from '../database/guard.ts'
import { ALERTS, ENOUGH_REQUESTS } from './conditions.ts'

export type Alert = { state: 'ok' | 'firing'; since: string; value: number; limit: number; unit: string }
export type AlertName = keyof typeof ALERTS

/** An alert that fired; `to` is null while it does. `peak` is the worst value meanwhile. */
export type Fired = { name: AlertName; from: string; to: string | null; peak: number; test: boolean }

/** Since the start. */
type Sums = {
  count: number
  errors: number
  seconds: number
  droppedClicks: number
  /** Times that another server became the primary. */
  moves: number
  /** Requests for unknown codes that were too many. */
  refusedUnknown: number
  /** Links that lead to no web address. */
  refusedTargets: number
}

/** What the conditions are about: sums since the start, and the state now. */
export type Readings = Sums & {
  database: DatabaseState
  /** ms that it took for a small change, at least so many each time of late. */
  databaseTakes: number
  oldestClick: number | undefined
  /** Bytes of free disk that are missing to what is to stay free. */
  shortDisk: number
  /** Seconds that this machine's clock is ahead of the database's. */
  clockOffset: number
  /** Other replicas that ended without a word. */
  missedReplicas: number
  /** ms since Valkey gave an answer; 0 while it does, and where there is none. */
  valkeyAway: number
  /** Whether too much is taken is for who watches it to say: it begins at the limit, and ends a little below. */
  memory: { share: number; low: boolean }
  descriptors: { share: number; low: boolean }
}

const EVERY = 5_000
const WINDOW = 120_000
const LONG_WINDOW = 300_000
const KEPT = 200
const TEST_FOR = 10_000

const NAMES = Object.keys(ALERTS) as AlertName[]

export type Alerts = ReturnType<typeof watchAlerts>

/** Starts the evaluation of `read`; `status` is what /alert-status answers. Calls `changed` when one begins to fire, and when it ends. */
export function watchAlerts(read: () => Readings, changed: (fired: Fired) => void = () => {}) {
  // Timed by a clock that nobody sets: one that jumps would make a window of days.
  const samples: { at: number; sums: Sums }[] = []
  const alerts = {} as Record<AlertName, Alert>
  const inEarnest = new Set<AlertName>()
  const history: Fired[] = [] // newest last
  const testedUntil = new Map<AlertName, number>()
  evaluate()
  const timer = setInterval(evaluate, EVERY)
  timer.unref()

  function evaluate() {
    const now = Date.now()
    const at = performance.now()
    const readings = read()
    const { database, oldestClick, shortDisk, clockOffset, memory, descriptors } = readings
    const last = samples.at(-1)
    if (!last || at - last.at >= 1_000) samples.push({ at, sums: readings })
    while (samples[0]!.at < at - LONG_WINDOW) samples.shift()
    const within = (window: number) => samples.find((sample) => sample.at >= at - window)?.sums ?? readings
    const grown = (sum: keyof Sums, window = WINDOW) => readings[sum] - within(window)[sum]
    const requests = grown('count')
    const enough = requests >= ENOUGH_REQUESTS
    set('service_down', database === 'down' ? 1 : 0)
    set('high_error_rate', enough ? (100 * grown('errors')) / requests : 0)
    set('high_latency', enough ? grown('seconds') / requests : 0)
    set('click_backlog', oldestClick ? (now - oldestClick) / 1000 : 0)
    set('clicks_dropped', grown('droppedClicks'))
    set('disk_space', shortDisk / 1024 ** 2)
    set('clock_skew', Math.abs(clockOffset))
    set('replica_lost', readings.missedReplicas)
    set('database_slow', database === 'up' ? readings.databaseTakes : 0)
    set('database_moved', grown('moves', LONG_WINDOW))
    set('shared_cache_down', readings.valkeyAway / 1000)
    set('memory_low', 100 * memory.share, memory.low)
    set('descriptors_low', 100 * descriptors.share, descriptors.low)
    set('unknown_flood', grown('refusedUnknown'))
    set('targets_refused', grown('refusedTargets', LONG_WINDOW))
  }

  function set(name: AlertName, measured: number, isSo?: boolean) {
    const { limit, unit } = ALERTS[name]
    const now = new Date()
    const value = Math.round(measured * 1000) / 1000
    const tested = (testedUntil.get(name) ?? 0) > now.getTime()
    const real = isSo ?? value > limit
    if (real) inEarnest.add(name)
    else inEarnest.delete(name)
    const test = tested && !real
    const state = real || tested ? 'firing' : 'ok'
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
        const test = state === 'firing' && !inEarnest.has(name)
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
      if (!inEarnest.has(known)) alert.since = new Date().toISOString() // also where an earlier test goes on: this is another
      setTimeout(evaluate, TEST_FOR + 1).unref()
      return { name: known, until: new Date(testedUntil.get(known)!).toISOString() }
    },
    stop: () => clearInterval(timer),
  }
}
