import { oldestOf } from '../oldest.ts'
import type { Target } from './target.ts'

export type MemoryCache = ReturnType<typeof memoryCache>

// What an entry takes beside its texts: the object, the map's slot, two strings' headers. Measured at 1,000,000 entries: 170 bytes.
const OVERHEAD = 170

/**
 * Targets by code, bounded by entries and bytes; the oldest leaves first. Reading does not reorder, so that a hit is one look-up. A target
 * replaces only an older version of itself. `vet` is asked again for each that is there at `vetAnew`, when it is next wanted: with
 * 100,000 entries, all at once would keep redirects waiting for 60 ms.
 */
export function memoryCache(maxEntries: number, maxBytes: number, vet: (target: Target) => Target) {
  let entries = new Map<string, Target>()
  let unvetted = new Map<string, Target>()
  let oldest = oldestOf(entries)
  let oldestUnvetted = oldestOf(unvetted)
  let bytes = 0

  const sizeOf = ({ code, location }: Target) => OVERHEAD + code.length + (location?.length ?? 0)

  function remove(code: string): Target | undefined {
    const entry = entries.get(code) ?? unvetted.get(code)
    if (!entry) return undefined
    entries.delete(code)
    unvetted.delete(code)
    bytes -= sizeOf(entry)
    return entry
  }

  function add(target: Target) {
    entries.set(target.code, target)
    bytes += sizeOf(target)
  }

  function vetted(code: string): Target | undefined {
    if (!unvetted.has(code)) return undefined
    const target = vet(remove(code)!)
    add(target)
    return target
  }

  return {
    get: (code: string): Target | undefined => entries.get(code) ?? vetted(code),
    set(target: Target) {
      const known = entries.get(target.code) ?? unvetted.get(target.code)
      if (known && known.version > target.version) return
      remove(target.code)
      add(target)
      while (entries.size + unvetted.size > maxEntries || bytes > maxBytes)
        remove((unvetted.size > 0 ? oldestUnvetted : oldest)()!)
    },
    has: (code: string) => entries.has(code) || unvetted.has(code),
    remove,
    vetAnew() {
      const [few, many] = entries.size < unvetted.size ? [entries, unvetted] : [unvetted, entries]
      for (const [code, target] of few) many.set(code, target)
      unvetted = many
      oldestUnvetted = oldestOf(unvetted)
      entries = new Map()
      oldest = oldestOf(entries)
    },
    clear() {
      entries.clear()
      unvetted.clear()
      bytes = 0
    },
    figures: () => ({ entries: entries.size + unvetted.size, bytes }),
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
    /** Those whose time is over leave: else a flood's would take their 5 MB as long as the process lives. */
    expire() {
      const now = Date.now()
      for (const [code, end] of until) {
        if (end >= now) break
        until.delete(code)
      }
    },
    clear: () => until.clear(),
    get size() {
      return until.size
    },
  }
}
