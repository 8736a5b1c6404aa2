// Evaluates all alerts every few seconds, and keeps their history.
import { steady } from '../steady.ts'
import { followGrowth } from './growth.ts'
import { ALERTS, type AlertName, alertOf } from './index.ts'
import type { Sources } from './sources.ts'

type AlertState = { state: 'ok' | 'firing'; since: string; value: number; limit: number; unit: string }

/** One time that an alert fired; `to` is null while it does. `peak` is the worst value during that time. */
export type Fired = { name: AlertName; from: string; to: string | null; peak: number; test: boolean }

const EVERY = 5_000
const KEPT = 200
const TEST_FOR = 10_000
/** ms that the value must be good before an alert ends: a flapping one fires once. */
export const GOOD_FOR = 30_000

export type Alerts = ReturnType<typeof watchAlerts>

/**
 * Starts to evaluate the alerts from `sources`. Calls `changed` with the history, oldest first, when one starts to fire and when it ends.
 * `before`: the history before the start. `status` is the answer of /alert-status.
 */
export function watchAlerts(
  sources: Sources,
  changed: (fired: Fired, history: Fired[]) => void = () => {},
  before: Fired[] = [],
) {
  const alerts = {} as Record<AlertName, AlertState>
  const growths = new Map(ALERTS.map(({ name }) => [name, followGrowth()]))
  const lasting = steady(GOOD_FOR)
  const firingForReal = new Set<AlertName>()
  const history = before.slice(-KEPT) // newest last
  const testedUntil = new Map<AlertName, number>()
  evaluate()
  const timer = setInterval(evaluate, EVERY)
  timer.unref()

  function evaluate() {
    for (const alert of ALERTS) {
      const reading = alert.read(sources, growths.get(alert.name)!)
      const { value, fires } = typeof reading === 'number' ? { value: reading, fires: undefined } : reading
      set(alert, Math.round(value * 1000) / 1000, fires)
    }
  }

  function set({ name, limit, unit }: (typeof ALERTS)[number], value: number, fires = value > limit) {
    const now = new Date()
    const tested = (testedUntil.get(name) ?? 0) > now.getTime()
    const real = lasting.is(name, fires)
    if (real) firingForReal.add(name)
    else firingForReal.delete(name)
    const test = tested && !real
    const state = real || tested ? 'firing' : 'ok'
    const turned = alerts[name]?.state !== state
    alerts[name] = { state, since: turned ? now.toISOString() : alerts[name].since, value, limit, unit }
    const last = history.findLast((fired) => fired.name === name && fired.to === null)
    if (state === 'ok') {
      if (!last) return
      last.to = now.toISOString()
      changed(last, history)
    } else if (!last) {
      const fired: Fired = { name, from: now.toISOString(), to: null, peak: value, test }
      history.push(fired)
      if (history.length > KEPT) history.shift()
      changed(fired, history)
    } else {
      last.peak = Math.max(last.peak, value)
      last.test &&= test // an alert that outlasts its test is real
    }
  }

  return {
    status() {
      evaluate()
      return alerts
    },
    /** Every alert with its state, threshold and help. */
    list() {
      evaluate()
      return ALERTS.map(({ name, help }) => {
        const { state, since, value, limit, unit } = alerts[name]
        const test = state === 'firing' && !firingForReal.has(name)
        const until = test ? new Date(testedUntil.get(name)!).toISOString() : null
        const good = lasting.goodFor(name)
        const good_since = good === undefined ? null : new Date(Date.now() - good).toISOString()
        return { name, state, since, value, threshold: limit, unit, help, test, until, good_since }
      })
    },
    /** Newest first, at most 200. */
    history: () => history.toReversed(),
    /** Fires `name` as a test for 10 s; undefined if there is no such alert. */
    test(name: string) {
      const known = alertOf(name)?.name
      if (!known) return undefined
      testedUntil.set(known, Date.now() + TEST_FOR)
      evaluate()
      const alert = alerts[known]
      if (!firingForReal.has(known)) alert.since = new Date().toISOString() // also during an earlier test: this is a new one
      setTimeout(evaluate, TEST_FOR + 1).unref()
      return { name: known, until: new Date(testedUntil.get(known)!).toISOString() }
    },
    stop: () => clearInterval(timer),
  }
}
