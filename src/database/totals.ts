// Totals of lists without a count per request: a table of millions is counted in the background, rarely enough to take 1 % of the time.
import type { Database, Fragment, Sql } from './guard.ts'
import type { Total } from './paging.ts'

/** Above this number of matches, nobody waits for a count. */
export const COUNTED = 10_000

/** The number of rows of `rows` (a select), exact up to 10,000; above that reported as 10,000, inexact. */
export async function countUpTo(sql: Sql, rows: Fragment): Promise<Total> {
  const [row] = await sql<{ count: number }[]>`select count(*) as count from (${rows} limit ${COUNTED + 1}) as counted`
  const { count } = row!
  return count > COUNTED ? { count: COUNTED, exact: false } : { count, exact: true }
}

const FRESH = 100
const COST = 100
const COUNT_DEADLINE = 9_000

/**
 * The cached total of whole tables. Up to 10,000 rows it is exact: counted again after a change made here (`changed`), or when 0.1 s old. Above that,
 * it is the last count, refreshed in the background and marked as inexact.
 */
export function totals(database: Database, tables: string[], rows: (sql: Sql) => Fragment) {
  let kept: Total | undefined
  let at = 0
  let large: { count: number; nextAt: number } | undefined
  let counting = false
  let changes = 0

  async function recount() {
    if (counting) return
    counting = true
    const started = Date.now()
    try {
      const [row] = await database.run(
        (sql) => sql<{ count: number }[]>`select count(*) as count from (${rows(sql)}) as counted`,
        COUNT_DEADLINE,
      )
      large = { count: row!.count, nextAt: Date.now() + COST * (Date.now() - started) + 1_000 }
    } catch {
      const [row] = await database
        .run(
          (sql) => sql<{ count: number }[]>`
          select greatest(sum(c.reltuples), ${COUNTED})::bigint as count from pg_class c
          where c.oid = any(${tables}::regclass[]) or c.oid in (select inhrelid from pg_inherits where inhparent = any(${tables}::regclass[]))`,
        )
        .catch(() => [])
      large = {
        count: row?.count ?? large?.count ?? COUNTED,
        nextAt: Date.now() + Math.max(60_000, COST * (Date.now() - started)),
      }
    } finally {
      counting = false
    }
  }

  return {
    async count(): Promise<Total> {
      if (large) {
        if (Date.now() >= large.nextAt) void recount()
        if (large.count > COUNTED) return { count: large.count, exact: false }
      }
      if (kept && Date.now() - at < FRESH) return kept
      const before = changes
      const counted = await database.run((sql) => countUpTo(sql, rows(sql)))
      kept = counted.exact && changes === before ? counted : undefined
      at = Date.now()
      if (counted.exact) large = undefined
      else void recount()
      return counted
    },
    /** Call after a write that adds or removes rows. */
    changed() {
      changes++
      kept = undefined
    },
  }
}

type Kept = { total: Total; until: number; changes: number }

/** Filters whose totals are kept. */
const FILTERS = 1_000

/**
 * The totals of filters. More than 10,000 matches are counted again after 100 times as long as that took. Fewer are kept for 0.1 s, until a change made
 * here, and only if `keepExact`: where every change is made known by `changed`.
 */
export function filterTotals(database: Database) {
  const kept = new Map<string, Kept>()
  let changes = 0
  return {
    async count(filter: unknown, count: (sql: Sql) => Promise<Total>, keepExact = false): Promise<Total> {
      const name = JSON.stringify(filter)
      const known = kept.get(name)
      if (known && Date.now() < known.until && (!known.total.exact || known.changes === changes)) return known.total
      const before = changes
      const began = Date.now()
      const total = await database.run(count)
      const now = Date.now()
      if (kept.size >= FILTERS) kept.clear()
      if (!total.exact) kept.set(name, { total, until: now + COST * (now - began) + 1_000, changes })
      else if (keepExact && changes === before) kept.set(name, { total, until: now + FRESH, changes })
      else kept.delete(name)
      return total
    },
    changed() {
      changes++
    },
  }
}
