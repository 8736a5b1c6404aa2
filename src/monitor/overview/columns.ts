// The columns of a sample: whole numbers in a fixed order. Every replica sends the names, so that samples of two releases can be joined.
import { BOUNDS as REDIRECT_BOUNDS } from '../../redirect/figures.ts'
import { BOUNDS as REQUEST_BOUNDS } from '../../telemetry/metrics.ts'

/** `redirect_0.001`: redirects that took up to 1 ms, and longer than the previous bound; `redirect_inf`: the rest. */
const buckets = (of: string, bounds: number[]) => [...bounds, 'inf'].map((bound) => `${of}_${bound}`)

export const REDIRECT_BUCKETS = buckets('redirect', REDIRECT_BOUNDS)
export const REQUEST_BUCKETS = buckets('request', REQUEST_BOUNDS)

/** ms that the sample covers, counts within it, and microseconds of cpu. They are added up when samples are combined. */
const COUNTS = ['elapsed', '2xx', '3xx', '4xx', '5xx', 'hit', 'edge', 'miss', 'cpu', ...REDIRECT_BUCKETS, ...REQUEST_BUCKETS]

/** Readings: microseconds of event-loop lag, KiB of memory, clicks not stored. Combined samples take the maximum. */
const READINGS = ['loop_lag', 'rss', 'backlog']

export const COLUMNS = [...COUNTS, ...READINGS]
export const FIRST_READING = COUNTS.length

/** Samples in order of time. A row is the first second of a sample and a number for each column. */
export type Table = {
  step: number
  columns: string[]
  rows: number[][]
  /** The slot that the samples belong to, whichever process took them. */
  key?: string
}

/** Adds the sample `from[at…]` to the one at `into[place…]`. */
export function combine(into: Uint32Array | number[], place: number, from: ArrayLike<number>, at = 0) {
  for (let column = 0; column < COLUMNS.length; column++) {
    const value = from[at + column]!
    if (column < FIRST_READING) into[place + column]! += value
    else if (value > into[place + column]!) into[place + column] = value
  }
}
