import type { Some } from './messages.ts'

/** The listeners on one port in the order in which Linux has them: a new one is added last, and the last one takes the place of one that closed. */
export function createListeners<T>() {
  const all: T[] = []
  return {
    add: (listener: T) => void all.push(listener),
    /** False if it had none. */
    remove(listener: T): boolean {
      const index = all.indexOf(listener)
      if (index < 0) return false
      const last = all.pop()!
      if (index < all.length) all[index] = last
      return true
    },
    any: () => all.at(-1),
    /** Undefined if none of the listeners is chosen, or all of them are. */
    some(chosen: Set<T>): Some | undefined {
      const indices = all.flatMap((listener, index) => (chosen.has(listener) ? [index] : []))
      return indices.length === 0 || indices.length === all.length ? undefined : { indices, count: all.length }
    },
  }
}
