// Counts stored clicks in series and breakdowns, many at a time: so a counter is written once for all clicks of some seconds.
import text from '../../sql/roll-up-clicks.sql' with { type: 'text' }
import type { Database } from '../database/guard.ts'
import { portionUpTo } from '../database/portion.ts'

/** Per link, day and dimension; the rest is (other). count_click in sql/0001-schema.sql has the same limit. */
export const MAX_VALUES = 200
const STATEMENT = text.replaceAll(':max_values', String(MAX_VALUES))

/** Clicks of one statement: 0.3 s of 20,000 links. */
const MAX_CHUNK = 20_000
const FIRST_CHUNK = 5_000
/** The embedded database serves nobody else until then. */
const MAX_CHUNK_EMBEDDED = 2_000
const DEADLINE = 12_000
/** While this many ids a second are given out, clicks are being stored: their storing comes first. */
const BUSY = 5_000
/** Share of the time that counting takes: 1/10 while clicks are being stored, 1/2 otherwise. */
const REST_IF_BUSY = 9

/** `upto`: the last id given out; `xid`: every transaction that got such an id is older. */
type Reached = { upto: number; xid: string }

/**
 * Returns what counts the clicks that were stored when it was called before, and the number of them. Another replica may do the same: they take
 * turns. `embedded`: the database serves nobody else until then.
 */
export function rollUp(database: Database, embedded: () => boolean, pause: (ms: number) => Promise<unknown> = Bun.sleep) {
  const portion = portionUpTo(MAX_CHUNK, FIRST_CHUNK)
  let reached: Reached | undefined
  let done: number | undefined
  // Another server may have lost transactions, and give out their ids again.
  database.onUp(() => (reached = undefined))

  return async (): Promise<number> => {
    let last = await lastId(database)
    if (last === done) return 0
    reached ??= await reach(database)
    const { upto, xid } = reached
    if (!(await isSettled(database, xid))) return 0
    for (let counted = 0; reached; ) {
      const limit = Math.min(portion.size(), embedded() ? MAX_CHUNK_EMBEDDED : MAX_CHUNK)
      const started = performance.now()
      try {
        const rows = await count(database, upto, limit)
        portion.done(rows, performance.now() - started)
        counted += rows
        if (rows < limit) {
          done = upto
          reached = await reach(database)
          return counted
        }
      } catch (error) {
        if (!portion.failed(error, limit)) throw error
      }
      const took = performance.now() - started
      const before = last
      last = await lastId(database)
      await pause(last - before > (took / 1000) * BUSY ? took * REST_IF_BUSY : took)
    }
    return 0
  }
}

const lastId = async (database: Database) =>
  (await database.run((sql) => sql<{ id: number }[]>`select last_value as id from event_ids`))[0]!.id

/** The ids given out until now. Two statements, because the second must be younger than the transactions of all these ids. */
async function reach(database: Database): Promise<Reached> {
  const upto = await lastId(database)
  const [next] = await database.run((sql) => sql<{ xid: string }[]>`select pg_current_xact_id()::text as xid`)
  return { upto, xid: next!.xid }
}

/** Whether every transaction before `xid` has ended. */
async function isSettled(database: Database, xid: string): Promise<boolean> {
  const [row] = await database.run(
    (sql) => sql<{ settled: boolean }[]>`select pg_snapshot_xmin(pg_current_snapshot()) >= ${xid}::text::xid8 as settled`,
  )
  return row!.settled
}

const count = async (database: Database, upto: number, limit: number): Promise<number> => {
  const [row] = await database.run((sql) => sql.unsafe<{ rows: number }[]>(STATEMENT, [upto, limit], { prepare: true }), DEADLINE)
  return row!.rows
}
