// What a fault did: requests, errors and clicks before, during and after it, from the regular counters.
import type { Stretch } from './schema.ts'

/** Counters since the start; `seconds` is the total duration of requests. */
export type Sums = Record<'requests' | 'errors' | 'seconds' | 'clicks' | 'stored' | 'dropped', number>

/** The minute before, the time of the fault, and the minute after (null until the fault ends). The current one still grows. */
export type Evidence = () => { before: Stretch; while: Stretch; after: Stretch | null }

type Moment = Sums & { at: number }

const AROUND = 60_000
const EVERY = 1_000

/** Samples the counters every second, to know the minute before a fault. */
export function keepCount(read: () => Sums) {
  const moments: Moment[] = []
  const now = (): Moment => ({ at: performance.now(), ...read() })
  function keep() {
    moments.push(now())
    while (moments[0]!.at < moments.at(-1)!.at - AROUND) moments.shift()
  }
  keep()
  const timer = setInterval(keep, EVERY)
  timer.unref()

  return {
    /** Call `over` when the fault ends. */
    begin(): { evidence: Evidence; over: () => void } {
      keep()
      const from = moments.at(-1)!
      const before = between(moments[0]!, from)
      let to: Moment | undefined
      let last: Moment | undefined
      return {
        evidence: () => ({ before, while: between(from, to ?? now()), after: to ? between(to, last ?? now()) : null }),
        over() {
          to = now()
          setTimeout(() => {
            last = now()
          }, AROUND).unref()
        },
      }
    },
    stop: () => clearInterval(timer),
  }
}

const between = (a: Moment, b: Moment): Stretch => ({
  seconds: Math.round(b.at - a.at) / 1000,
  requests: b.requests - a.requests,
  errors: b.errors - a.errors,
  mean_ms: Math.round((1e5 * (b.seconds - a.seconds)) / Math.max(1, b.requests - a.requests)) / 100,
  clicks: b.clicks - a.clicks,
  stored: b.stored - a.stored,
  dropped: b.dropped - a.dropped,
})
