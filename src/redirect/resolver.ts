// From a code to where it leads: memory, else one shared read of the database, else what was known before.
import type { Database } from '../database/guard.ts'
import { type Entry, memoryCache } from './memory-cache.ts'

export type Resolver = {
  /** What memory knows and may still be used; no await. */
  known: (code: string) => Entry | undefined
  /** Asks the database; callers of one code share one read. Throws DatabaseAway where it cannot be asked and nothing is known. */
  find: (code: string) => Promise<Entry>
  /** Forgets codes that were just changed here. A read that began before is not kept. */
  forget: (codes: string[]) => void
  figures: () => { entries: number; hits: number; misses: number; stale: number }
}

const MAX_ENTRIES = 100_000
const KEEP = 1_000 // ms: what another replica changed is obeyed within a second
const READ_DEADLINE = 150

export function createResolver(database: Database): Resolver {
  const cache = memoryCache(MAX_ENTRIES)
  const reads = new Map<string, Promise<Entry>>()
  const figures = { hits: 0, misses: 0, stale: 0 }

  async function read(code: string): Promise<Entry> {
    const [row] = await database.run(
      (sql) => sql<{ id: number; location: string | null; active: boolean; version: number }[]>`
        select id, coalesce(location, original_url) as location, is_active as active, version
        from urls where short_code = ${code} and deleted_at is null`,
      READ_DEADLINE,
    )
    return { ...(row ?? { id: 0, location: null, active: false, version: 0 }), until: Date.now() + KEEP }
  }

  return {
    known(code) {
      const entry = cache.get(code)
      if (!entry || entry.until < Date.now()) return undefined
      figures.hits++
      return entry
    },

    async find(code) {
      figures.misses++
      const underWay = reads.get(code)
      if (underWay) return underWay
      const started = read(code)
      reads.set(code, started)
      try {
        const entry = await started
        if (reads.get(code) === started) cache.set(code, entry) // else it was forgotten meanwhile
        return entry
      } catch (error) {
        const stale = cache.get(code)
        if (!stale?.location) throw error // absence is never served stale
        figures.stale++
        return stale
      } finally {
        if (reads.get(code) === started) reads.delete(code)
      }
    },

    forget(codes) {
      for (const code of codes) {
        cache.delete(code)
        reads.delete(code)
      }
    },

    figures: () => ({ entries: cache.size, ...figures }),
  }
}
