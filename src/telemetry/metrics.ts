// Plain counters, updated where things happen; prom-client reads them only at a scrape.
import { collectDefaultMetrics, type Metric, Registry } from 'prom-client'

export type Sample = { labels?: Record<string, string | number>; value: number; suffix?: '_bucket' | '_sum' | '_count' }
type Kind = 'counter' | 'gauge' | 'histogram'

export type Metrics = ReturnType<typeof createMetrics>

/** ms between two measurements of the event loop's lag. Each wakes an idle process, and there are two: prom-client's and the sampler's. */
export const LAG_RESOLUTION = 50

/** Upper bounds of request durations, in seconds. */
export const BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

type Series = {
  method: string
  route: string
  status: number
  count: number
  seconds: number
  buckets: Float64Array
  observe: (seconds: number) => void
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

export function createMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_RESOLUTION })
  // It takes a census of the heap at every scrape, on the thread that answers: 60 ms for 200,000 objects, against 3 for the rest. JavaScriptCore
  // has no such spaces anyway.
  for (const of of ['total', 'used', 'available']) registry.removeSingleMetric(`nodejs_heap_space_size_${of}_bytes`)
  for (const of of ['open', 'max']) registry.removeSingleMetric(`process_${of}_fds`) // descriptors.ts has them
  const series = new Map<string, Series>()

  /** Adds a metric whose samples are read at each scrape. `name` is without the prefix, which `process_…` does not get. */
  function expose(name: string, type: Kind, help: string, read: () => Sample[]) {
    const full = name.startsWith('process_') ? name : `waypost_${name}`
    const get = async () => ({
      name: full,
      help,
      type,
      aggregator: 'sum',
      values: read().map(({ labels = {}, value, suffix = '' }) => ({ metricName: full + suffix, labels, value })),
    })
    registry.registerMetric({ name: full, get, reset() {} } as unknown as Metric)
  }

  expose('http_requests_total', 'counter', 'Requests answered, by method, route pattern and status.', () =>
    [...series.values()].filter(({ count }) => count > 0).map(({ count, ...of }) => ({ labels: labels(of), value: count })),
  )
  expose('http_request_duration_seconds', 'histogram', 'Time from the request’s arrival to its answer.', () =>
    [...series.values()]
      .filter(({ count }) => count > 0)
      .flatMap(({ count, seconds, buckets, ...of }) => histogramSamples(BOUNDS, buckets, count, seconds, labels(of))),
  )

  function seriesOf(method: string, route: string, status: number): Series {
    const known = METHODS.has(method) ? method : 'OTHER'
    const key = `${known} ${route} ${status}`
    const found = series.get(key)
    if (found) return found
    const one: Series = {
      method: known,
      route,
      status,
      count: 0,
      seconds: 0,
      buckets: new Float64Array(BOUNDS.length + 1),
      observe,
    }
    function observe(seconds: number) {
      one.count++
      one.seconds += seconds
      one.buckets[bucketOf(BOUNDS, seconds)]!++
    }
    series.set(key, one)
    return one
  }

  return {
    expose,
    /** Counts one request. Routes are patterns, so the number of series is bounded. */
    observe: (method: string, route: string, status: number, seconds: number) => seriesOf(method, route, status).observe(seconds),
    /** The series of one route and status, for a caller that counts often. */
    series: seriesOf,
    /** Sums over all routes since the start. `errors`: all 5xx; `failed`: those that are failures, so not /ready's 503. */
    requests() {
      const total = { count: 0, errors: 0, failed: 0, seconds: 0, by_status: {} as Record<string, number> }
      for (const { route, status, count, seconds } of series.values()) {
        total.count += count
        total.seconds += seconds
        if (status >= 500) total.errors += count
        if (status >= 500 && route !== '/ready') total.failed += count
        const family = `${Math.floor(status / 100)}xx`
        total.by_status[family] = (total.by_status[family] ?? 0) + count
      }
      return total
    },
    /** Numbers of requests by duration, in the buckets of BOUNDS, without redirects, which have a separate histogram. */
    durations() {
      const sum = new Float64Array(BOUNDS.length + 1)
      for (const { route, status, buckets } of series.values())
        if (route !== '/:code' || status !== 302) for (let i = 0; i < sum.length; i++) sum[i]! += buckets[i]!
      return sum
    },
    /** The Prometheus text. */
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}

/** The index of the bucket of `value` in `bounds` (upper bounds, ascending); bounds.length above the last. */
export function bucketOf(bounds: number[], value: number): number {
  let i = 0
  while (i < bounds.length && value > bounds[i]!) i++
  return i
}

/** A histogram in Prometheus' form: cumulative buckets, sum and count. */
export function histogramSamples(bounds: number[], buckets: Float64Array, count: number, sum: number, labels = {}): Sample[] {
  let below = 0
  const cumulative = bounds.map((le, i) => {
    below += buckets[i]!
    return { suffix: '_bucket' as const, labels: { ...labels, le }, value: below }
  })
  return [
    ...cumulative,
    { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: count },
    { suffix: '_sum', labels, value: sum },
    { suffix: '_count', labels, value: count },
  ]
}

const labels = ({ method, route, status }: { method: string; route: string; status: number }) => ({ method, route, status })
