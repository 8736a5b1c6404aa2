import { DatabaseUnreachable } from '../database/database-unreachable.ts'
import type { Database } from '../database/guard.ts'
import { type Target, targetColumns } from './target.ts'

/** ms that a visitor waits for the database. */
export const VISITORS_WAIT = 150
const NEXT_AFTER = 20 // ms after which another read starts although some are in flight
const READS = 8 // at a time, VISITORS_WAIT / NEXT_AFTER: nobody waits longer than both together
const LATE_KEPT = 16
const CODES_A_QUERY = 500
const MAX_WAITING = 10_000

type Waiting = {
  promise: Promise<Target | undefined>
  resolve: (target: Target | undefined) => void
  reject: (error: unknown) => void
}

/** `changed`: the versions of codes that changed since the read began; undefined: all of them may have changed. */
type Read = { codes: Map<string, Waiting>; changed: Map<string, number> | undefined }

/**
 * Takes the database's row of a code (undefined: no link ever had it); `outdated`: it changed during the read. Returns what callers get.
 */
type Learn = (code: string, row: Target | undefined, outdated: boolean) => Target | undefined

/**
 * Asks the database for codes that no cache knows. Callers of the same code share one answer. While a query is in flight, new codes are
 * collected for the next one, so that a flood of unknown codes costs one query at a time (a few if the database is slow). Answers after
 * the deadline are cached too: with a slow database, the second visitor gets what the first one asked for. Throws DatabaseUnreachable.
 */
export function createMisses(database: Database, learn: Learn, visitorsWait = VISITORS_WAIT) {
  let gathering = new Map<string, Waiting>()
  const inFlight = new Map<string, Waiting>()
  const reads = new Set<Read>()
  const late = new Set<Read>()
  let planned = false
  let timer: Timer | undefined
  let waiting = 0

  function plan() {
    if (planned || gathering.size === 0 || reads.size >= READS) return
    planned = true
    if (reads.size === 0) queueMicrotask(begin)
    else timer = setTimeout(begin, NEXT_AFTER)
  }

  function begin() {
    clearTimeout(timer)
    planned = false
    if (gathering.size === 0 || reads.size >= READS) return
    const batch = [...gathering].slice(0, CODES_A_QUERY)
    if (batch.length === gathering.size) gathering = new Map()
    else for (const [code] of batch) gathering.delete(code)
    for (const [code, one] of batch) inFlight.set(code, one)
    void ask({ codes: new Map(batch), changed: new Map() })
    plan()
  }

  async function ask(read: Read) {
    reads.add(read)
    const { codes } = read
    let pending = false
    const settled = () => {
      pending = false
      return late.delete(read)
    }
    try {
      const rows = await database.run((sql) => {
        const query = sql<
          Target[]
        >`select ${targetColumns(sql)} from urls u where u.short_code = any(${[...codes.keys()]}::text[])`
        pending = true
        query.then((rows) => {
          if (settled()) for (const row of rows) learn(row.code, row, isOutdated(read, row.code, row))
        }, settled)
        return query
      }, visitorsWait)
      const found = new Map(rows.map((row) => [row.code, row]))
      for (const [code, one] of codes) one.resolve(learn(code, found.get(code), isOutdated(read, code, found.get(code))))
    } catch (error) {
      if (pending && late.size < LATE_KEPT) late.add(read)
      for (const [, one] of codes) one.reject(error)
    }
    for (const [code, one] of codes) if (inFlight.get(code) === one) inFlight.delete(code)
    reads.delete(read)
    waiting -= codes.size
    begin()
  }

  const isOutdated = ({ changed }: Read, code: string, row: Target | undefined) =>
    !changed || (row?.version ?? -1) < (changed.get(code) ?? -1)

  return {
    /** The result of `learn` for a code. */
    find(code: string): Promise<Target | undefined> {
      const known = gathering.get(code) ?? inFlight.get(code)
      if (known) return known.promise
      if (waiting >= MAX_WAITING) return Promise.reject(new DatabaseUnreachable('too many unknown codes are waiting'))
      const one: Waiting = Promise.withResolvers()
      gathering.set(code, one)
      waiting++
      plan()
      return one.promise
    },
    /**
     * The code changed to `version`: callers get a read that starts after this, and reads in flight that find an older version are
     * outdated.
     */
    forget(code: string, version = Number.POSITIVE_INFINITY) {
      inFlight.delete(code)
      for (const { codes, changed } of [...reads, ...late])
        if (codes.has(code)) changed?.set(code, Math.max(version, changed.get(code) ?? -1))
    },
    /** The same for every code: it may be a different database now. */
    forgetAll() {
      inFlight.clear()
      for (const read of [...reads, ...late]) read.changed = undefined
    },
    waiting: () => waiting,
  }
}
