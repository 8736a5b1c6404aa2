export type Random = ReturnType<typeof randomFrom>

/** The same choices for the same seed (mulberry32). */
export function randomFrom(seed: number) {
  let state = seed | 0
  function next(): number {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const whole = (min: number, max: number) => min + Math.floor(next() * (max - min + 1))
  return {
    /** From 0, below 1. */
    next,
    /** From `min` up to and with `max`. */
    whole,
    of: <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!,
    shuffled<T>(list: readonly T[]): T[] {
      const left = [...list]
      return list.map(() => left.splice(whole(0, left.length - 1), 1)[0]!)
    },
  }
}
