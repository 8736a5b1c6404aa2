// Plain counters of the redirect path; the exposition reads them at scrape.
import { bucketOf, histogramSamples, type Metrics } from '../telemetry/metrics.ts'

export const RESULTS = ['hit', 'miss', 'not_found', 'inactive', 'refused', 'unavailable'] as const
export type Result = (typeof RESULTS)[number]

/** Upper bounds in seconds. */
export const REDIRECT_BUCKETS = [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25]

export type RedirectFigures = ReturnType<typeof redirectFigures>

export function redirectFigures() {
  const results: Record<Result, number> = { hit: 0, miss: 0, not_found: 0, inactive: 0, refused: 0, unavailable: 0 }
  const buckets = new Float64Array(REDIRECT_BUCKETS.length + 1)
  let seconds = 0
  return {
    results,
    buckets,
    seconds: () => seconds,
    count(result: Result, ms: number) {
      results[result]++
      if (result !== 'hit' && result !== 'miss') return
      const took = ms / 1000
      seconds += took
      buckets[bucketOf(REDIRECT_BUCKETS, took)]!++
    },
  }
}

export function exposeRedirects(metrics: Metrics, { results, buckets, seconds }: RedirectFigures) {
  metrics.expose('redirects_total', 'counter', 'Requests for a code, by result.', () =>
    RESULTS.map((result) => ({ labels: { result }, value: results[result] })),
  )
  metrics.expose('redirect_duration_seconds', 'histogram', 'Time a redirect took inside the server.', () =>
    histogramSamples(REDIRECT_BUCKETS, buckets, results.hit + results.miss, seconds()),
  )
}
