// CODES=insensitive: looks up links whose code differs from the visitor's in case alone, after the exact code was not found.
import { folded } from '../base/code.ts'
import { oldestOf } from '../base/oldest-key.ts'
import type { EdgeTier } from './edge-tier.ts'
import type { SharedCache } from './shared-cache.ts'
import type { Target } from './target.ts'

const MAX_CODES = 50_000

/**
 * The one link among rows whose codes are the same in lower case; undefined if there are several, because where a code leads must not be a guess.
 * Of the codes of one link, one that was not removed is preferred.
 */
export function onlyLink(rows: Target[]): Target | undefined {
  const [first] = rows
  if (!first || rows.some(({ id }) => id !== first.id)) return undefined
  return rows.find(({ location }) => location !== null) ?? first
}

type Parts = {
  memory: { get: (code: string) => Target | undefined }
  edge: EdgeTier | undefined
  shared: SharedCache | undefined
}

/** `codes` remembers the code of the only link by its lower case: so it works without a second tier, too. The oldest is evicted first. */
export function createAnyCase({ memory, edge, shared }: Parts) {
  const codes = new Map<string, string>()
  const oldest = oldestOf(codes)

  function remember(key: string, code: string) {
    codes.delete(key)
    codes.set(key, code)
    if (codes.size > MAX_CODES) codes.delete(oldest()!)
  }

  return {
    inMemory(code: string): Target | undefined {
      const known = codes.get(folded(code))
      return known === undefined ? undefined : memory.get(known)
    },
    inEdge(code: string): Target | undefined {
      const key = folded(code)
      const found = onlyLink(edge?.inAnyCase(key) ?? [])
      if (found) remember(key, found.code)
      return found
    },
    inOldEdge: (code: string) => onlyLink(edge?.inAnyCaseOld(folded(code)) ?? []),
    inShared: (code: string) => shared?.inAnyCase(folded(code)),
    /** These are all links whose code in lower case is `key`; `share`: other replicas may rely on that. */
    learn(key: string, rows: Target[], share: boolean) {
      const only = onlyLink(rows)
      if (!only) return
      remember(key, only.code)
      if (share) shared?.remember(key, only.code)
    },
    /** A link with this code was created or changed: unless it is the one remembered, there may be several now. */
    changed(code: string) {
      const key = folded(code)
      const known = codes.get(key)
      if (known !== undefined && known !== code) codes.delete(key)
    },
    clear: () => codes.clear(),
  }
}
