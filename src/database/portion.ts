// How many rows one statement handles: half as many after one that failed or was slow, more again after quick ones. Otherwise, work that is too
// large for the database now would be retried at the same size forever.
import { DatabaseNotAsked } from './database-unreachable.ts'

export type Portion = {
  /** How many rows the next statement may take, at least 1. */
  size: () => number
  /** A statement handled `count` rows in `ms`. */
  done: (count: number, ms: number) => void
  /** A statement of `count` rows failed: halves the next, and returns true if a smaller one may succeed. */
  failed: (error: unknown, count: number) => boolean
}

/** The server ends a statement after 10 s (statement_timeout), and the embedded database is restarted then: keep well below. */
const SLOW = 3_000
const QUICK = 1_000
const GROWTH = 1.5
/** Maximum number of quick statements in a row before the size grows. Each failure doubles that number, so that fewer statements fail again. */
const MAX_IN_A_ROW = 16

export function portionUpTo(most: number, start = most): Portion {
  let size = start
  let needed = 1
  let inARow = 0
  return {
    size: () => size,
    done(count, ms) {
      if (ms > SLOW) size = Math.max(1, Math.min(size, count >> 1))
      if (ms >= QUICK) inARow = 0
      else if (count >= size && ++inARow >= needed) {
        inARow = 0
        size = Math.min(most, Math.ceil(size * GROWTH))
        if (size === most) needed = 1
      }
    },
    failed(error, count) {
      if (!wasTried(error)) return false
      size = Math.max(1, Math.min(size, count >> 1))
      needed = Math.min(MAX_IN_A_ROW, needed * 2)
      inARow = 0
      return count > 1
    },
  }
}

/** Runs `work` in portions until one has fewer rows than its limit. Returns the sum of rows. Throws the error of a single row. */
export async function inPortions(portion: Portion, work: (limit: number) => Promise<number>): Promise<number> {
  let total = 0
  for (;;) {
    const limit = portion.size()
    const started = performance.now()
    try {
      const count = await work(limit)
      portion.done(count, performance.now() - started)
      total += count
      if (count < limit) return total
    } catch (error) {
      if (!portion.failed(error, limit)) throw error
    }
  }
}

/** False if the query was never sent: then its size is not the reason. */
const wasTried = (error: unknown) => !(error instanceof DatabaseNotAsked)
