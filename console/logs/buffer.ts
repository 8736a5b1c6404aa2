// The lines in this browser. The number of a line never changes, even if older lines are added or the oldest are dropped.
import type { Entry } from './line.ts'

const KEPT = 100_000
const LET_GO = 2_000 // at a time, so that the list rarely moves

export type Buffer = ReturnType<typeof createBuffer>

export function createBuffer(kept = KEPT) {
  let entries: Entry[] = []
  let first = 0

  return {
    /** The number of the oldest entry, which may be negative, and the one after the newest. */
    first: () => first,
    end: () => first + entries.length,
    at: (number: number): Entry | undefined => entries[number - first],
    add(newer: Entry[]) {
      for (const entry of newer) entries.push(entry)
      const over = entries.length - kept
      if (over < LET_GO) return
      entries.splice(0, over)
      first += over
    },
    /** Adds as many as there is room for, the newest first. */
    addOlder(older: Entry[]) {
      const fitting = older.slice(Math.max(0, older.length - Math.max(0, kept - entries.length)))
      entries = fitting.concat(entries)
      first -= fitting.length
    },
    /** Numbers are not reused. */
    clear() {
      first += entries.length
      entries = []
    },
    full: () => entries.length >= kept,
    /** The number of the newest entry that matches. */
    find(matches: (entry: Entry) => boolean): number | undefined {
      const index = entries.findLastIndex(matches)
      return index < 0 ? undefined : first + index
    },
  }
}
