import { type Database, DatabaseAway } from '../database/guard.ts'
import { type Target, targetColumns } from './target.ts'

const DEADLINE = 150 // what a visitor waits at most for the database
const CODES_A_QUERY = 500
const MAX_WAITING = 10_000

type Waiting = {
  promise: Promise<Target | undefined>
  resolve: (target: Target | undefined) => void
  reject: (error: unknown) => void
}

/**
 * Asks the database for codes that no cache knows. Callers of one code share one answer; while a query is under way, the codes that come
 * gather for the next, so that a flood of unknown codes costs a query at a time and not one each. Throws DatabaseAway.
 */
export function createMisses(database: Database) {
  let gathering = new Map<string, Waiting>()
  const underWay = new Map<string, Waiting>()
  const outdated = new WeakMap<Promise<unknown>, number>() // reads under way when their code changed, and to which version
  let settling: [string, Waiting][] = []
  let asking = false
  let waiting = 0

  async function ask() {
    asking = true
    while (gathering.size > 0) {
      const batch = [...gathering].slice(0, CODES_A_QUERY)
      if (batch.length === gathering.size) gathering = new Map()
      else for (const [code] of batch) gathering.delete(code)
      for (const [code, one] of batch) underWay.set(code, one)
      try {
        const rows = await database.run(
          (sql) =>
            sql<
              Target[]
            >`select ${targetColumns(sql)} from urls u where u.short_code = any(${batch.map(([code]) => code)}::text[])`,
          DEADLINE,
        )
        const found = new Map(rows.map((row) => [row.code, row]))
        for (const [code, one] of batch) one.resolve(found.get(code))
      } catch (error) {
        for (const [, one] of batch) one.reject(error)
      }
      for (const [code, one] of batch) if (underWay.get(code) === one) underWay.delete(code)
      settling = batch
      await null // its callers go on: up to here a change makes them forget it
      settling = []
      waiting -= batch.length
    }
    asking = false
  }

  return {
    /** The target of a code, also a deleted one's; undefined where no link ever had it. */
    find(code: string): Promise<Target | undefined> {
      const known = gathering.get(code) ?? underWay.get(code)
      if (known) return known.promise
      if (waiting >= MAX_WAITING) return Promise.reject(new DatabaseAway('too many unknown codes are waiting'))
      const one: Waiting = Promise.withResolvers()
      gathering.set(code, one)
      waiting++
      if (!asking) queueMicrotask(ask)
      return one.promise
    },
    /** The code changed to `version`: callers from now on get a read that begins from now on; one under way that found less is not kept. */
    forget(code: string, version = Number.POSITIVE_INFINITY) {
      for (const [settled, { promise }] of settling) if (settled === code) outdated.set(promise, version)
      const one = underWay.get(code)
      if (!one) return
      underWay.delete(code)
      outdated.set(one.promise, version)
    },
    /** The same for every code: it may be another database than before. */
    forgetAll() {
      for (const [, { promise }] of settling) outdated.set(promise, Number.POSITIVE_INFINITY)
      for (const one of underWay.values()) outdated.set(one.promise, Number.POSITIVE_INFINITY)
      underWay.clear()
    },
    /** True where the code changed after this read had begun, to a version that `target` is not yet. */
    isOutdated: (read: Promise<unknown>, target: Target | undefined) => (target?.version ?? -1) < (outdated.get(read) ?? -1),
    waiting: () => waiting,
  }
}
