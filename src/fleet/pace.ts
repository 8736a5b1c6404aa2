// What a small change takes at the database now: the fastest of the last three beats, so that a single slow one is not yet news.

const BEATS_KEPT = 3

/** `every`: ms from one beat to the next. One that takes longer stands for those that were not made meanwhile, also while it is under way. */
export function createPace(every: number) {
  let last: number[] = [] // ms
  let since: number | undefined

  const beatsOf = (ms: number) => Array<number>(1 + Math.floor(ms / every)).fill(ms)

  return {
    begins() {
      since = performance.now()
    },
    /** After one that failed, those before it are not news any more. */
    ends(well: boolean) {
      if (since === undefined) return
      last = [...(well ? last : []), ...beatsOf(performance.now() - since)].slice(-BEATS_KEPT)
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
