// How long a small change takes at the database now: the fastest of the last three heartbeats, so that a single slow one does not count.

const BEATS_KEPT = 3

/**
 * A heartbeat slower than `every` (ms) counts twice (it replaced the one skipped), also while in flight, but never three times: a frozen server or
 * process is not slow.
 */
export function createBeatTimes(every: number) {
  let last: number[] = [] // ms
  let since: number | undefined

  const beatsOf = (ms: number) => (ms < every ? [ms] : [ms, ms])

  return {
    begins() {
      since = performance.now()
    },
    /** A failure after `every` or more counts as slow; after an immediate failure nothing is known. */
    ends(well: boolean) {
      if (since === undefined) return
      const ms = performance.now() - since
      last = well || ms >= every ? [...last, ...beatsOf(ms)].slice(-BEATS_KEPT) : []
      since = undefined
    },
    /** There is no heartbeat now. */
    rests() {
      last = []
    },
    /** ms; 0 until there were three. */
    took(): number {
      const waiting = since === undefined ? 0 : performance.now() - since
      const all = waiting > (last.at(-1) ?? 0) ? [...last, ...beatsOf(waiting)].slice(-BEATS_KEPT) : last
      return all.length < BEATS_KEPT ? 0 : Math.min(...all)
    },
  }
}
