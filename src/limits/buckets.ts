// Token buckets in memory that never grows: 3 MiB for 262,144 clients, whoever comes.
import type { Rate } from './rate.ts'

/** Whether a request is within the rate, and for how many microseconds its client has spent ahead (0: the bucket is full). */
export type Standing = { allowed: boolean; ahead: number }

export type Buckets = ReturnType<typeof createBuckets>

const SETS = 2 ** 15
const WAYS = 8

/**
 * A bucket is one number, the time at which it will be full again (GCRA). A key's hash names a set of eight places; where all are taken
 * the one that is full soonest is given up, so that a flood of new addresses makes those forgotten who have asked least.
 */
export function createBuckets(now = () => Math.round(performance.now() * 1000)) {
  const prints = new Uint32Array(SETS * WAYS)
  const fullAt = new Float64Array(SETS * WAYS)
  const seed = crypto.getRandomValues(new BigUint64Array(1))[0]! // else one could choose whom to push out

  /** The key's place, or the one that it gets. */
  function placeOf(key: string): { place: number; known: boolean; print: number } {
    const hash = Bun.hash(key, seed) as bigint
    const first = (Number(hash & 0xffffffffn) % SETS) * WAYS
    const print = Number(hash >> 32n)
    let place = first
    for (let i = first; i < first + WAYS; i++) {
      if (prints[i] === print) return { place: i, known: true, print }
      if (fullAt[i]! < fullAt[place]!) place = i
    }
    return { place, known: false, print }
  }

  const aheadAt = (place: number) => Math.max(0, fullAt[place]! - now())

  function set({ place, print }: { place: number; print: number }, ahead: number) {
    prints[place] = print
    fullAt[place] = now() + ahead
  }

  return {
    /** Takes one token, if there is one. */
    take(key: string, { window, cost }: Rate): Standing {
      const found = placeOf(key)
      const before = found.known ? aheadAt(found.place) : 0
      if (before + cost > window) return { allowed: false, ahead: before }
      set(found, before + cost)
      return { allowed: true, ahead: before + cost }
    },
    /** What `take` would say, taking nothing. */
    look(key: string, { window, cost }: Rate): Standing {
      const { place, known } = placeOf(key)
      const ahead = known ? aheadAt(place) : 0
      return { allowed: ahead + cost <= window, ahead }
    },
    /** What others know of the key. */
    learn: (key: string, ahead: number) => set(placeOf(key), ahead),
    bytes: prints.byteLength + fullAt.byteLength,
  }
}
