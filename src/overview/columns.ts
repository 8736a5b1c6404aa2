// What one sample holds: whole numbers in a fixed order. Every replica names its columns, so that two releases can be joined.
import { BOUNDS as REDIRECT_BOUNDS } from '../redirect/figures.ts'
import { BOUNDS as REQUEST_BOUNDS } from '../telemetry/metrics.ts'

/** `redirect_0.001`: how many redirects took up to 1 ms and longer than the bound before; `redirect_inf` the rest. */
const buckets = (of: string, bounds: number[]) => [...bounds, 'inf'].map((bound) => `${of}_${bound}`)

export const REDIRECT_BUCKETS = buckets('redirect', REDIRECT_BOUNDS)
export const REQUEST_BUCKETS = buckets('request', REQUEST_BOUNDS)

/** ms that the sample covers, counts within it, and microseconds of cpu: they add up where samples are put together. */
const COUNTS = ['elapsed', '2xx', '3xx', '4xx', '5xx', 'hit', 'edge', 'miss', 'cpu', ...REDIRECT_BUCKETS, ...REQUEST_BUCKETS]

/** Readings: microseconds of event-loop lag, KiB of memory, clicks not stored. Of two, the higher counts. */
const READINGS = ['loop_lag', 'rss', 'backlog']

export const COLUMNS = [...COUNTS, ...READINGS]
export const FIRST_READING = COUNTS.length

/** Samples by their first second, ascending. A row is that second and a number for each column. */
export type Table = { step: number; columns: string[]; rows: number[][] }

/** Adds the sample `from[at…]` to the one at `into[place…]`. */
export function combine(into: Uint32Array | number[], place: number, from: ArrayLike<number>, at = 0) {
  for (let column = 0; column < COLUMNS.length; column++) {
    const value = from[at + column]!
    if (column < FIRST_READING) into[place + column]! += value
    else if (value > into[place + column]!) into[place + column] = value
  }
}
