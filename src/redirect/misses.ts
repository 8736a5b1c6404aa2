import { type Database, DatabaseAway } from '../database/guard.ts'
import { type Target, targetColumns } from './target.ts'

const DEADLINE = 150 // of a read
const NEXT_AFTER = 20 // ms that a code waits at most for the reads under way before one more begins
const READS = 8 // at a time, DEADLINE / NEXT_AFTER: nobody waits longer than both
const LATE_KEPT = 16
const CODES_A_QUERY = 500
const MAX_WAITING = 10_000

type Waiting = {
  promise: Promise<Target | undefined>
  resolve: (target: Target | undefined) => void
  reject: (error: unknown) => void
}

/** `changed`: codes that changed since it began, and to which version; undefined: all of them may have. */
type Read = { codes: Map<string, Waiting>; changed: Map<string, number> | undefined }

/** Takes what the database says of a code (undefined: no link ever had it); `outdated`: it changed since it was asked. Returns what callers get. */
type Learn = (code: string, row: Target | undefined, outdated: boolean) => Target | undefined

/**
 * Asks the database for codes that no cache knows. Callers of one code share one answer; while a query is under way, the codes that come
 * gather for the next, so that a flood of unknown codes costs a query at a time and not one each, and a few of them where the database is slow.
 * What comes after the deadline is learnt too, so that of a slow database the second visitor finds what the first asked for. Throws DatabaseAway.
 */
export function createMisses(database: Database, learn: Learn) {
  let gathering = new Map<string, Waiting>()
  const underWay = new Map<string, Waiting>()
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
    for (const [code, one] of batch) underWay.set(code, one)
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
      }, DEADLINE)
      const found = new Map(rows.map((row) => [row.code, row]))
      for (const [code, one] of codes) one.resolve(learn(code, found.get(code), isOutdated(read, code, found.get(code))))
    } catch (error) {
      if (pending && late.size < LATE_KEPT) late.add(read)
      for (const [, one] of codes) one.reject(error)
    }
    for (const [code, one] of codes) if (underWay.get(code) === one) underWay.delete(code)
    reads.delete(read)
    waiting -= codes.size
    begin()
  }

  const isOutdated = ({ changed }: Read, code: string, row: Target | undefined) =>
    !changed || (row?.version ?? -1) < (changed.get(code) ?? -1)

  return {
    /** What `learn` made of the answer for a code. */
    find(code: string): Promise<Target | undefined> {
      const known = gathering.get(code) ?? underWay.get(code)
      if (known) return known.promise
      if (waiting >= MAX_WAITING) return Promise.reject(new DatabaseAway('too many unknown codes are waiting'))
      const one: Waiting = Promise.withResolvers()
      gathering.set(code, one)
      waiting++
      plan()
      return one.promise
    },
    /** The code changed to `version`: callers from now on get a read that begins from now on; one under way that found less is outdated. */
    forget(code: string, version = Number.POSITIVE_INFINITY) {
      underWay.delete(code)
      for (const { codes, changed } of [...reads, ...late])
        if (codes.has(code)) changed?.set(code, Math.max(version, changed.get(code) ?? -1))
    },
    /** The same for every code: it may be another database than before. */
    forgetAll() {
      underWay.clear()
      for (const read of [...reads, ...late]) read.changed = undefined
    },
    waiting: () => waiting,
  }
}
