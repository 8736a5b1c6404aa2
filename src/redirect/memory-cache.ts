import { oldestOf } from '../oldest.ts'
import type { Target } from './target.ts'

export type MemoryCache = ReturnType<typeof memoryCache>

// What an entry takes beside its texts: the object, the map's slot, two strings' headers. Measured at 1,000,000 entries: 170 bytes.
const OVERHEAD = 170

/**
 * Targets by code, bounded by entries and bytes; the oldest leaves first. Reading does not reorder, so that a hit is one look-up. A target
 * replaces only an older version of itself.
 */
export function memoryCache(maxEntries: number, maxBytes: number) {
  const entries = new Map<string, Target>()
  const oldest = oldestOf(entries)
  let bytes = 0

  const sizeOf = ({ code, location }: Target) => OVERHEAD + code.length + (location?.length ?? 0)

  function remove(code: string) {
    const entry = entries.get(code)
    if (!entry) return
    entries.delete(code)
    bytes -= sizeOf(entry)
  }

  return {
    get: (code: string): Target | undefined => entries.get(code),
    set(target: Target) {
      const known = entries.get(target.code)
      if (known && known.version > target.version) return
      remove(target.code)
      entries.set(target.code, target)
      bytes += sizeOf(target)
      while (entries.size > maxEntries || bytes > maxBytes) remove(oldest()!)
    },
    has: (code: string) => entries.has(code),
    remove,
    clear() {
      entries.clear()
      bytes = 0
    },
    figures: () => ({ entries: entries.size, bytes }),
  }
}

/** Codes that no link has, each for at most `ms`; bounded, the oldest leaves first. */
export function absentCodes(maxEntries: number, ms: number) {
  const until = new Map<string, number>()
  const oldest = oldestOf(until)
  return {
    has(code: string): boolean {
      const end = until.get(code)
      if (end === undefined) return false
      if (end >= Date.now()) return true
      until.delete(code)
      return false
    },
    add(code: string) {
      until.delete(code)
      until.set(code, Date.now() + ms)
      if (until.size > maxEntries) until.delete(oldest()!)
    },
    remove: (code: string) => void until.delete(code),
    clear: () => until.clear(),
    get size() {
      return until.size
    },
  }
}
