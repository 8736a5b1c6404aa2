// Folding: counts of past days are put together, so that statistics over months cost what those over a day do, in rows and in time.
import breakdowns from '../../sql/fold-breakdowns.sql' with { type: 'text' }
import series from '../../sql/fold-series.sql' with { type: 'text' }
import type { Database } from '../database/guard.ts'

const LOCK = 7_767_004
const ROWS_A_CHUNK = 5_000
const DEADLINE = 60_000
const DAYS_OPEN = 2 // a day that ended a moment ago still gets clicks that waited in journals

/** Folds all counts of days that ended two days ago. One replica at a time: the others return at once. Returns the rows folded. */
export async function foldClicks(database: Database): Promise<number> {
  let folded = 0
  for (const statement of [series, breakdowns]) {
    let link = 0
    for (;;) {
      const chunk = await database.transaction(async (sql) => {
        // A statement of its own: the next must see what the last holder of the lock wrote.
        const [turn] = await sql<{ mine: boolean; today: string }[]>`
          select pg_try_advisory_xact_lock(${LOCK}) as mine, ((now() at time zone 'UTC')::date - ${DAYS_OPEN}::int)::text as today`
        if (!turn!.mine) return undefined
        const [chunk] = await sql.unsafe<{ rows: number; link: number }[]>(statement, [turn!.today, link, ROWS_A_CHUNK], {
          prepare: true,
        })
        return chunk!
      }, DEADLINE)
      if (!chunk) return folded
      folded += chunk.rows
      if (chunk.rows < ROWS_A_CHUNK) break
      link = chunk.link
    }
  }
  return folded
}
