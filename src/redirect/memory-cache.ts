/** Where a code leads. `location` is null for a code that no link has. */
export type Entry = { id: number; location: string | null; active: boolean; version: number; until: number }

/**
 * A bounded map of codes, oldest out first. Entries carry the time until which they hold; reading does not reorder, so that a hit is
 * one look-up.
 */
export function memoryCache(maxEntries: number) {
  const entries = new Map<string, Entry>()
  return {
    get: (code: string): Entry | undefined => entries.get(code),
    set(code: string, entry: Entry) {
      if (entries.size >= maxEntries && !entries.has(code)) entries.delete(entries.keys().next().value!)
      entries.set(code, entry)
    },
    delete: (code: string) => entries.delete(code),
    get size() {
      return entries.size
    },
  }
}
