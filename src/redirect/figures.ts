// Plain counters of the redirect path; the exposition reads them at scrape.
import { bucketOf, histogramSamples, type Metrics } from '../telemetry/metrics.ts'

const TIERS = ['hit', 'edge', 'miss'] as const // memory, the copy on this machine, shared cache or database
/** No click: not found, not active, or answered with a page or another URL instead of the target. */
const FAILURES = ['not_found', 'inactive', 'scheduled', 'expired', 'used_up', 'blocked', 'page', 'unavailable'] as const
const RESULTS = [...TIERS, ...FAILURES] as const
export type Tier = (typeof TIERS)[number]
export type Failure = (typeof FAILURES)[number]

/** Upper bounds in seconds; a hit takes about 10 µs. */
export const BOUNDS = [0.000005, 0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.005, 0.025, 0.1, 0.25]

export type RedirectFigures = ReturnType<typeof redirectFigures>

/** Counts redirects by result and duration; successful ones also count as requests of the route /:code. */
export function redirectFigures(metrics: Metrics) {
  const results = Object.fromEntries(RESULTS.map((result) => [result, 0])) as Record<(typeof RESULTS)[number], number>
  const buckets = new Float64Array(BOUNDS.length + 1)
  const series = {
    GET: metrics.series('GET', '/:code', 302),
    HEAD: metrics.series('HEAD', '/:code', 302),
    POST: metrics.series('POST', '/:code', 303),
  }
  let seconds = 0

  metrics.expose('redirects_total', 'counter', 'Requests for a code, by result.', () =>
    RESULTS.map((result) => ({ labels: { result }, value: results[result] })),
  )
  metrics.expose('redirect_duration_seconds', 'histogram', 'Time a redirect took inside the server.', () =>
    histogramSamples(BOUNDS, buckets, results.hit + results.edge + results.miss, seconds),
  )

  return {
    results,
    /** Number of redirects per duration, by BOUNDS. */
    buckets,
    /** POST: after a form was sent; `ms` without the time that its password took. */
    redirected(method: string, tier: Tier, ms: number) {
      const took = ms / 1000
      results[tier]++
      seconds += took
      buckets[bucketOf(BOUNDS, took)]!++
      series[method === 'HEAD' || method === 'POST' ? method : 'GET'].observe(took)
    },
    failed: (result: Failure) => void results[result]++,
    /** Redirected, but not to its target: expired_url. */
    ledElsewhere(method: string, result: Failure, ms: number) {
      results[result]++
      metrics.observe(method, '/:code', method === 'POST' ? 303 : 302, ms / 1000)
    },
    /** Showed a page instead of the target. */
    showed(method: string, ms: number) {
      results.page++
      metrics.observe(method, '/:code', 200, ms / 1000)
    },
  }
}
