// Converts samples to the values of a chart: rates, milliseconds and cores. Samples of several replicas are added up first.
import { BOUNDS as REDIRECT_BOUNDS } from '../../redirect/figures.ts'
import { BOUNDS as REQUEST_BOUNDS } from '../../telemetry/metrics.ts'
import { COLUMNS, FIRST_READING, REDIRECT_BUCKETS, REQUEST_BUCKETS, type Table } from './columns.ts'
import { quantile } from './quantile.ts'

/** Columns of equal length; `time` is the first second of a sample. null: there was nothing to measure. */
export type Chart = {
  time: number[]
  requests: Record<'2xx' | '3xx' | '4xx' | '5xx', number[]>
  redirects: number[]
  p50: (number | null)[]
  p99: (number | null)[]
  api: { p50: (number | null)[]; p99: (number | null)[] }
  tiers: { hit: number[]; edge: number[]; miss: number[] }
  backlog: number[]
  loop_lag: number[]
  rss: number[]
  cpu: number[]
  /** The same number whenever the same replicas have a sample. */
  reporting: number[]
}

/** One sample of a chart, `{time, requests: {"2xx": 12.5, …}, …}`. */
export type Point = ReturnType<typeof pointsOf>[number]

const PLACE = Object.fromEntries(COLUMNS.map((name, index) => [name, index + 1]))
const REPORTING = COLUMNS.length + 1 // after the columns of a joined sample
const LAG = COLUMNS.indexOf('loop_lag')
const REDIRECTS = PLACE[REDIRECT_BUCKETS[0]!]!
const REQUESTS = PLACE[REQUEST_BUCKETS[0]!]!

/**
 * Adds up the samples of several replicas, second by second; lag is the maximum. Each sample is converted to a rate first, because a
 * delayed one covers more time than the others.
 */
export function join(tables: Table[]): number[][] {
  const joined = new Map<number, number[]>()
  for (const [number, { columns, rows, key = String(number) }] of tables.entries()) {
    const mark = Bun.hash.crc32(key) >>> 0
    const indices = COLUMNS.map((name) => columns.indexOf(name) + 1) // 0 if a replica of another release has no such column
    const elapsed = columns.indexOf('elapsed') + 1
    for (const row of rows) {
      const seconds = (row[elapsed] ?? 0) / 1000
      if (!(seconds > 0)) continue
      let sum = joined.get(row[0]!)
      if (!sum) joined.set(row[0]!, (sum = [row[0]!, ...new Array<number>(COLUMNS.length + 1).fill(0)]))
      sum[REPORTING] = (sum[REPORTING]! ^ mark) >>> 0
      for (let column = 0; column < indices.length; column++) {
        const value = indices[column] === 0 ? 0 : (row[indices[column]!] ?? 0)
        if (column === LAG) sum[column + 1] = Math.max(sum[column + 1]!, value)
        else sum[column + 1]! += column < FIRST_READING ? value / seconds : value
      }
    }
  }
  return [...joined.values()].sort((a, b) => a[0]! - b[0]!)
}

/** One point for each joined sample. */
export const pointsOf = (joined: number[][]) =>
  joined.map((row) => {
    const of = (name: string) => row[PLACE[name]!]!
    const rate = (name: string) => rounded(of(name))
    const redirect = (share: number) => milliseconds(quantile(share, row, REDIRECTS, REDIRECT_BOUNDS))
    const request = (share: number) => milliseconds(quantile(share, row, REQUESTS, REQUEST_BOUNDS))
    return {
      time: row[0]!,
      requests: { '2xx': rate('2xx'), '3xx': rate('3xx'), '4xx': rate('4xx'), '5xx': rate('5xx') },
      redirects: rounded(of('hit') + of('edge') + of('miss')),
      p50: redirect(0.5),
      p99: redirect(0.99),
      api: { p50: request(0.5), p99: request(0.99) },
      tiers: { hit: rate('hit'), edge: rate('edge'), miss: rate('miss') },
      backlog: of('backlog'),
      loop_lag: rounded(of('loop_lag') / 1000),
      rss: of('rss') * 1024,
      cpu: rounded(of('cpu') / 1e6),
      reporting: row[REPORTING] ?? 0,
    }
  })

/** The joined samples, column by column. */
export function chartOf(joined: number[][]): Chart {
  const points = pointsOf(joined)
  const column = <T>(read: (point: Point) => T) => points.map(read)
  return {
    time: column(({ time }) => time),
    requests: {
      '2xx': column(({ requests }) => requests['2xx']),
      '3xx': column(({ requests }) => requests['3xx']),
      '4xx': column(({ requests }) => requests['4xx']),
      '5xx': column(({ requests }) => requests['5xx']),
    },
    redirects: column(({ redirects }) => redirects),
    p50: column(({ p50 }) => p50),
    p99: column(({ p99 }) => p99),
    api: { p50: column(({ api }) => api.p50), p99: column(({ api }) => api.p99) },
    tiers: {
      hit: column(({ tiers }) => tiers.hit),
      edge: column(({ tiers }) => tiers.edge),
      miss: column(({ tiers }) => tiers.miss),
    },
    backlog: column(({ backlog }) => backlog),
    loop_lag: column(({ loop_lag }) => loop_lag),
    rss: column(({ rss }) => rss),
    cpu: column(({ cpu }) => cpu),
    reporting: column(({ reporting }) => reporting),
  }
}

/** Four significant digits are more than a chart shows. */
const rounded = (value: number) => (value === 0 ? 0 : Number(value.toPrecision(4)))
const milliseconds = (seconds: number | null) => (seconds === null ? null : rounded(seconds * 1000))
