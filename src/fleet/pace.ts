// What a small change takes at the database now: the fastest of the last three beats, so that a single slow one is not yet news.

const BEATS_KEPT = 3

/**
 * `every`: ms from one beat to the next. One that takes longer stands for the one that was not made meanwhile, too, also while it is under way;
 * never for three: a server that froze, or this process, is not slow.
 */
export function createPace(every: number) {
  let last: number[] = [] // ms
  let since: number | undefined

  const beatsOf = (ms: number) => (ms < every ? [ms] : [ms, ms])

  return {
    begins() {
      since = performance.now()
    },
    /** One that failed late was slow; after one that failed at once nothing is known. */
    ends(well: boolean) {
      if (since === undefined) return
      const ms = performance.now() - since
      last = well || ms >= every ? [...last, ...beatsOf(ms)].slice(-BEATS_KEPT) : []
      since = undefined
    },
    /** None is made. */
    rests() {
      last = []
    },
    /** ms; 0 before there were three. */
    took(): number {
      const waiting = since === undefined ? 0 : performance.now() - since
      const all = waiting > (last.at(-1) ?? 0) ? [...last, ...beatsOf(waiting)].slice(-BEATS_KEPT) : last
      return all.length < BEATS_KEPT ? 0 : Math.min(...all)
    },
  }
}
