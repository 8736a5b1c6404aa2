// Takes clicks from the redirect without waiting, and stores them in batches.
import type { Database } from '../database/guard.ts'
import type { Log } from '../telemetry/logs.ts'
import { type Click, storeClicks } from './store.ts'

export type Recorder = {
  /** Keeps one click; never waits, never throws. `time` in ms since 1970. */
  record: (urlId: number, time: number, referrer: string | null, userAgent: string | null) => void
  /** Waits, at most 500 ms, until the clicks recorded before now are stored; returns how many are not. */
  settled: () => Promise<number>
  figures: () => { backlog: number; oldest: number | undefined; stored: number; dropped: number; lastFlush: number }
  /** Stores what is left, within `ms`. */
  stop: (ms: number) => Promise<void>
}

const MAX_BACKLOG = 200_000
const MAX_BATCH = 5_000
const RETRY_AFTER = 500
const SETTLE_WITHIN = 500

/** One batch is under way while the next gathers: an idle server stores a click at once, a busy one thousands together. */
export function createRecorder(database: Database, log: Log): Recorder {
  let waiting: Click[] = []
  let underWay: Click[] = []
  let flushing: Promise<void> | undefined
  let recorded = 0
  let stored = 0
  let dropped = 0
  let lastFlush = Date.now()
  let stopped = false

  async function flush() {
    while (waiting.length > 0 && !stopped) {
      underWay = waiting.slice(0, MAX_BATCH)
      waiting = waiting.slice(MAX_BATCH)
      try {
        await storeClicks(database, underWay)
        stored += underWay.length
        lastFlush = Date.now()
      } catch (error) {
        log.warn({ err: error, clicks: underWay.length }, 'clicks could not be stored and will be tried again')
        waiting = underWay.concat(waiting)
        underWay = []
        await Bun.sleep(RETRY_AFTER)
      }
      underWay = []
    }
    flushing = undefined
  }

  return {
    record(urlId, time, referrer, userAgent) {
      if (waiting.length >= MAX_BACKLOG) {
        dropped++
        return
      }
      waiting.push({ urlId, time, referrer, userAgent })
      recorded++
      flushing ??= flush()
    },
    async settled() {
      const goal = recorded
      for (let waited = 0; stored < goal && waited < SETTLE_WITHIN; waited += 5) await Bun.sleep(5)
      return Math.max(0, goal - stored)
    },
    figures: () => ({
      backlog: waiting.length + underWay.length,
      oldest: (underWay[0] ?? waiting[0])?.time,
      stored,
      dropped,
      lastFlush,
    }),
    async stop(ms) {
      const deadline = Date.now() + ms
      while (flushing && Date.now() < deadline) await Bun.sleep(10)
      stopped = true
    },
  }
}
