import { oldestOf } from '../base/oldest-key.ts'
import type { Target } from './target.ts'

// Bytes per entry besides its texts: the object, the map's slot, two string headers. Measured with 1,000,000 entries.
const OVERHEAD = 170

/**
 * Targets by code, bounded by entries and bytes; the oldest is evicted first. Reading does not reorder, so a hit is one look-up. A target
 * replaces only an older version of itself. After `recheckAll`, `check` runs again for each entry at its next use: checking 100,000
 * entries at once would block redirects for 60 ms.
 */
export function memoryCache(maxEntries: number, maxBytes: number, check: (target: Target) => Target) {
  let entries = new Map<string, Target>()
  let unchecked = new Map<string, Target>()
  let oldest = oldestOf(entries)
  let oldestUnchecked = oldestOf(unchecked)
  let bytes = 0

  const sizeOf = ({ code, location, extra }: Target) =>
    OVERHEAD + code.length + (location?.length ?? 0) + (extra === null ? 0 : OVERHEAD + 2 * extra.length) // the text and its compiled form

  function remove(code: string): Target | undefined {
    const entry = entries.get(code) ?? unchecked.get(code)
    if (!entry) return undefined
    entries.delete(code)
    unchecked.delete(code)
    bytes -= sizeOf(entry)
    return entry
  }

  function add(target: Target) {
    entries.set(target.code, target)
    bytes += sizeOf(target)
  }

  function checked(code: string): Target | undefined {
    if (!unchecked.has(code)) return undefined
    const target = check(remove(code)!)
    add(target)
    return target
  }

  return {
    get: (code: string): Target | undefined => entries.get(code) ?? checked(code),
    set(target: Target) {
      const known = entries.get(target.code) ?? unchecked.get(target.code)
      if (known && known.version > target.version) return
      remove(target.code)
      add(target)
      while (entries.size + unchecked.size > maxEntries || bytes > maxBytes)
        remove((unchecked.size > 0 ? oldestUnchecked : oldest)()!)
    },
    has: (code: string) => entries.has(code) || unchecked.has(code),
    remove,
    recheckAll() {
      const [few, many] = entries.size < unchecked.size ? [entries, unchecked] : [unchecked, entries]
      for (const [code, target] of few) many.set(code, target)
      unchecked = many
      oldestUnchecked = oldestOf(unchecked)
      entries = new Map()
      oldest = oldestOf(entries)
    },
    clear() {
      entries.clear()
      unchecked.clear()
      bytes = 0
    },
    figures: () => ({ entries: entries.size + unchecked.size, bytes }),
  }
}

/**
 * Codes that no link has, each for at most `ms`; bounded. Two generations: a flood adds tens of thousands a second, and nothing is deleted one by
 * one. Call `expire` often.
 */
export function absentCodes(maxEntries: number, ms: number) {
  let young = { codes: new Set<string>(), since: Date.now() }
  let old = { codes: new Set<string>(), since: 0 }

  function turn(now: number) {
    old = young
    young = { codes: new Set(), since: now }
  }

  return {
    has(code: string): boolean {
      const found = young.codes.has(code) ? young : old.codes.has(code) ? old : undefined
      return found !== undefined && found.since + ms >= Date.now()
    },
    add(code: string) {
      if (young.codes.size >= maxEntries / 2) turn(Date.now())
      young.codes.add(code)
    },
    remove(code: string) {
      young.codes.delete(code)
      old.codes.delete(code)
    },
    /** Forgets what is too old: after a flood it would stay for the life of the process, some MB. */
    expire() {
      const now = Date.now()
      if (now - young.since >= ms * SHARE) turn(now)
      if (now - old.since > ms) old.codes.clear()
    },
    clear() {
      young.codes.clear()
      old.codes.clear()
    },
    get size() {
      return young.codes.size + old.codes.size
    },
  }
}

/** Of the time of a code, after which the next generation begins: with calls of `expire` every tenth of it, a code stays from 0.4 to 1 of it. */
const SHARE = 0.4
