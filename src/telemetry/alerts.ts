// The built-in alerts: four conditions, evaluated every few seconds from the same counters as /metrics.
import type { DatabaseState } from '../database/guard.ts'

export type Alert = { state: 'ok' | 'firing'; since: string; value: number; limit: number; unit: string }
export type AlertName = 'service_down' | 'high_error_rate' | 'high_latency' | 'click_backlog'

/** What the conditions are about: sums since the start, and the state now. */
export type Readings = {
  count: number
  errors: number
  seconds: number
  database: DatabaseState
  oldestClick: number | undefined
}

const EVERY = 5_000
const WINDOW = 120_000
const ENOUGH_REQUESTS = 20 // below this, one failure would be a rate

/** Starts the evaluation of `read`; `status` is what /alert-status answers. */
export function watchAlerts(read: () => Readings) {
  const samples: { at: number; count: number; errors: number; seconds: number }[] = []
  const alerts = {} as Record<AlertName, Alert>
  evaluate()
  const timer = setInterval(evaluate, EVERY)
  timer.unref()

  function evaluate() {
    const now = Date.now()
    const { count, errors, seconds, database, oldestClick } = read()
    samples.push({ at: now, count, errors, seconds })
    while (samples[0]!.at < now - WINDOW) samples.shift()
    const first = samples[0]!
    const requests = count - first.count
    const enough = requests >= ENOUGH_REQUESTS
    set('service_down', database === 'down' ? 1 : 0, 0, 'database unreachable')
    set('high_error_rate', enough ? (100 * (errors - first.errors)) / requests : 0, 10, '% of requests in 2 minutes')
    set('high_latency', enough ? (seconds - first.seconds) / requests : 0, 1, 'seconds, mean of 2 minutes')
    set('click_backlog', oldestClick ? (now - oldestClick) / 1000 : 0, 30, 'seconds, age of the oldest click not stored')
  }

  function set(name: AlertName, value: number, limit: number, unit: string) {
    const state = value > limit ? 'firing' : 'ok'
    const since = alerts[name]?.state === state ? alerts[name].since : new Date().toISOString()
    alerts[name] = { state, since, value: Math.round(value * 1000) / 1000, limit, unit }
  }

  return {
    status() {
      evaluate()
      return alerts
    },
    stop: () => clearInterval(timer),
  }
}
