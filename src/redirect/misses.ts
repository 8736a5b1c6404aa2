import { folded } from '../base/code.ts'
import { DatabaseUnreachable } from '../database/database-unreachable.ts'
import type { Database, Sql } from '../database/guard.ts'
import { type Target, targetColumns } from './target.ts'

/** ms that a visitor waits for the database. */
export const VISITORS_WAIT = 150
const NEXT_AFTER = 20 // ms after which another read starts although some are in flight
const READS = 8 // at a time, VISITORS_WAIT / NEXT_AFTER: nobody waits longer than both together
const GATHER = 2 // ms
const LATE_KEPT = 16
const CODES_A_QUERY = 500
const MAX_WAITING = 10_000
const NONE: ReadonlyMap<string, Target[]> = new Map()

type Waiting = {
  promise: Promise<Target[]>
  resolve: (targets: Target[]) => void
  reject: (error: unknown) => void
}

/** `changed`: the versions of codes that changed since the read began, by key; undefined: all of them may have changed. */
type Read = { keys: Map<string, Waiting>; changed: Map<string, Map<string, number>> | undefined }

/** Takes the database's rows of a key (none: no link ever had it); `outdated`: one changed during the read. Returns what callers get. */
type Learn = (key: string, rows: Target[], outdated: boolean) => Target[]

/**
 * Asks the database for codes that no cache knows. Callers of the same code share one answer. While a query is in flight, new codes are
 * collected for the next one, so that a flood of unknown codes costs one query at a time (a few if the database is slow). Answers after
 * the deadline are cached too: with a slow database, the second visitor gets what the first one asked for. Throws DatabaseUnreachable.
 *
 * A key is a code; with `anyCase`, a code in lower case, for all links that have it in any.
 */
export function createMisses(database: Database, learn: Learn, visitorsWait = VISITORS_WAIT, anyCase = false) {
  const keyOf = anyCase ? folded : (code: string) => code
  let gathering = new Map<string, Waiting>()
  const reads = new Set<Read>()
  const late = new Set<Read>()
  let planned = false
  let timer: Timer | undefined
  let waiting = 0

  function plan() {
    if (planned || gathering.size === 0 || reads.size >= READS) return
    planned = true
    if (reads.size === 0) setImmediate(gather, gathering.size, performance.now())
    else timer = setTimeout(begin, NEXT_AFTER)
  }

  /** Begins when a turn of the event loop brought no more codes, after GATHER ms at the latest: a query costs as much as 30 codes in it. */
  function gather(before: number, since: number) {
    const { size } = gathering
    if (size > before && size < CODES_A_QUERY && performance.now() - since < GATHER) setImmediate(gather, size, since)
    else begin()
  }

  function begin() {
    clearTimeout(timer)
    planned = false
    if (gathering.size === 0 || reads.size >= READS) return
    void ask({ keys: taken(), changed: new Map() })
    plan()
  }

  /** What has gathered, up to the length of a query. */
  function taken(): Map<string, Waiting> {
    const all = gathering
    gathering = new Map(all.size > CODES_A_QUERY ? [...all].slice(CODES_A_QUERY) : [])
    for (const key of gathering.keys()) all.delete(key)
    return all
  }

  async function ask(read: Read) {
    reads.add(read)
    const { keys } = read
    let pending = false
    const settled = () => {
      pending = false
      return late.delete(read)
    }
    try {
      const rows = await database.run((sql) => {
        const query = rowsOf(sql, [...keys.keys()])
        pending = true
        query.then((rows) => {
          if (settled()) for (const [key, some] of byKey(rows)) learn(key, some, isOutdated(read, key, some))
        }, settled)
        return query
      }, visitorsWait)
      const found = rows.length === 0 ? NONE : byKey(rows)
      for (const [key, one] of keys) {
        const some = found.get(key) ?? []
        one.resolve(learn(key, some, isOutdated(read, key, some)))
      }
    } catch (error) {
      if (pending && late.size < LATE_KEPT) late.add(read)
      for (const [, one] of keys) one.reject(error)
    }
    reads.delete(read)
    waiting -= keys.size
    clearTimeout(timer)
    planned = false
    if (reads.size === 0) plan()
    else begin()
  }

  /** The index urls_in_lower_case has the codes with capitals. */
  const rowsOf = (sql: Sql, keys: string[]) => sql<Target[]>`
    select ${targetColumns(sql)} from urls u where u.short_code = any(${keys}::text[])
    ${
      anyCase
        ? sql`union all select ${targetColumns(sql)} from urls u
            where folded(u.short_code) = any(${keys}::text[]) and u.short_code <> folded(u.short_code)`
        : sql``
    }`

  const byKey = (rows: Target[]) => Map.groupBy(rows, ({ code }) => keyOf(code))

  function isOutdated({ changed }: Read, key: string, rows: Target[]): boolean {
    if (!changed) return true
    const versions = changed.size > 0 ? changed.get(key) : undefined
    return (
      versions !== undefined &&
      [...versions].some(([code, version]) => (rows.find((row) => row.code === code)?.version ?? -1) < version)
    )
  }

  /** What a read in flight will find, unless a change since it began makes it outdated. */
  function inFlight(key: string): Waiting | undefined {
    for (const { keys, changed } of reads) {
      const one = changed && !changed.has(key) ? keys.get(key) : undefined
      if (one) return one
    }
    return undefined
  }

  return {
    /** The result of `learn` for the key of a code. */
    find(code: string): Promise<Target[]> {
      const key = keyOf(code)
      const known = gathering.get(key) ?? inFlight(key)
      if (known) return known.promise
      if (waiting >= MAX_WAITING) return Promise.reject(new DatabaseUnreachable('too many unknown codes are waiting'))
      const one: Waiting = Promise.withResolvers()
      gathering.set(key, one)
      waiting++
      plan()
      return one.promise
    },
    /**
     * The code changed to `version`: callers get a read that starts after this, and reads in flight that find an older version are
     * outdated.
     */
    forget(code: string, version = Number.POSITIVE_INFINITY) {
      const key = keyOf(code)
      for (const { keys, changed } of [...reads, ...late]) {
        if (!keys.has(key) || !changed) continue
        const versions = changed.get(key) ?? new Map<string, number>()
        changed.set(key, versions.set(code, Math.max(version, versions.get(code) ?? -1)))
      }
    },
    /** The same for every code: it may be a different database now. */
    forgetAll() {
      for (const read of [...reads, ...late]) read.changed = undefined
    },
    waiting: () => waiting,
  }
}
