// Token buckets in a fixed amount of memory: 3 MiB for 262,144 clients.
import type { Rate } from '../../base/rate.ts'

/** Whether a request is within the rate, and how many microseconds its client is ahead of it (0: the bucket is full). */
export type BucketState = { allowed: boolean; ahead: number }

const SETS = 2 ** 15
const WAYS = 8

/**
 * A bucket is one number, the time at which it will be full again (GCRA). A key's hash selects a set of eight slots; if all are taken, the bucket that
 * is full soonest is replaced, so that a flood of new addresses displaces the clients with the fewest requests.
 */
export function createBuckets(now = () => Math.round(performance.now() * 1000)) {
  const prints = new Uint32Array(SETS * WAYS)
  const fullAt = new Float64Array(SETS * WAYS)
  const seed = crypto.getRandomValues(new BigUint64Array(1))[0]! // otherwise a client could choose whom to displace

  /** The key's slot, or the one that it gets. */
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
    take(key: string, { window, cost }: Rate): BucketState {
      const found = placeOf(key)
      const before = found.known ? aheadAt(found.place) : 0
      if (before + cost > window) return { allowed: false, ahead: before }
      set(found, before + cost)
      return { allowed: true, ahead: before + cost }
    },
    /** Gives back a token that was taken. */
    giveBack(key: string, { cost }: Rate) {
      const found = placeOf(key)
      if (found.known) set(found, Math.max(0, aheadAt(found.place) - cost))
    },
    /** The result of `take`, without taking a token. */
    peek(key: string, { window, cost }: Rate): BucketState {
      const { place, known } = placeOf(key)
      const ahead = known ? aheadAt(place) : 0
      return { allowed: ahead + cost <= window, ahead }
    },
    /** Sets what the shared buckets know of the key. */
    learn: (key: string, ahead: number) => set(placeOf(key), ahead),
    bytes: prints.byteLength + fullAt.byteLength,
  }
}
