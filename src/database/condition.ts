// The database's condition for operators: up, slow or unreachable. The breaker opens and closes within a second, as it must; the condition changes
// only when a state lasts. A server that accepts connections but delays queries, because of a lock for instance, is slow.

export type Condition = 'up' | 'slow' | 'unreachable'

/** Times in ms since 1970. `until`: when it was good again; `over`: when that was confirmed. */
export type Past = { was: Exclude<Condition, 'up'>; from: number; until: number; over: number }

export type DatabaseHealth = ReturnType<typeof followCondition>

const GOOD_FOR = 10_000
const GOOD_ANSWERS = 5
/** Late answers within this many ms count: three short ones, or two of a second and more, mean slow. */
const LATE_WITHIN = 15_000
const ENOUGH = 3
const LONG = 1_000
/** A breaker flaps if it opens again within this many ms of closing; it is settled once it stayed closed for SETTLED_AFTER. */
const FLAPS_WITHIN = 10_000
const SETTLED_AFTER = 4_000

export function followCondition() {
  let condition: Condition = 'up'
  let since = Date.now()
  let past: Past | undefined
  let late: { at: number; ms: number }[] = []
  let worst = 0 // ms, of the late answers since then
  let silent = 0 // probes in a row without an answer
  let good = 0
  let goodAt = 0 // when the first of them came
  let goodFrom = 0 // the same, in ms since 1970
  let closedAt = Number.NEGATIVE_INFINITY
  let isOpen = false
  let flaps = false

  function bad(now: Exclude<Condition, 'up'>) {
    good = 0
    if (condition === now || condition === 'unreachable') return
    if (condition === 'up') since = Date.now()
    condition = now
  }

  return {
    /** A query got no answer within `ms`. */
    late(ms: number) {
      const at = performance.now()
      late = [...late.filter((one) => at - one.at < LATE_WITHIN), { at, ms }].slice(-ENOUGH)
      good = 0
      const points = late.reduce((sum, one) => sum + (one.ms >= LONG ? 2 : 1), 0)
      if (condition === 'up' && points < ENOUGH) return
      worst = Math.max(worst, ms)
      bad('slow')
    },
    /** Small changes take `ms` now, which is too long. */
    slow(ms: number) {
      worst = Math.max(worst, ms)
      bad('slow')
    },
    /** A probe failed; `silently`: without an answer, or for lack of connections, which happens once to a server that is only slow. */
    missed(silently: boolean) {
      silent = silently ? silent + 1 : 0
      if (silently) worst = Math.max(worst, LONG)
      bad(silently && silent < 2 ? 'slow' : 'unreachable')
    },
    /** It answered. */
    answered() {
      silent = 0
      if (condition === 'up') return
      if (good++ === 0) {
        goodAt = performance.now()
        goodFrom = Date.now()
      }
      if (good < GOOD_ANSWERS || performance.now() - goodAt < GOOD_FOR) return
      past = { was: condition, from: since, until: goodFrom, over: Date.now() }
      condition = 'up'
      since = Date.now()
      late = []
      worst = 0
    },
    /** The breaker opened, or closed. */
    breaker(open: boolean) {
      if (open && !isOpen) flaps = performance.now() - closedAt < FLAPS_WITHIN
      if (!open && isOpen) closedAt = performance.now()
      isOpen = open
    },
    /** False while the breaker is open, and for some seconds more if it flaps. */
    settled: () => !isOpen && !(flaps && performance.now() - closedAt < SETTLED_AFTER),
    now: () => condition,
    /** ms since 1970. */
    since: () => since,
    /** While slow, the longest wait for an answer in ms; else 0. */
    takes: () => (condition === 'slow' ? worst : 0),
    /** The last problem, once it is over. */
    past: () => past,
  }
}
