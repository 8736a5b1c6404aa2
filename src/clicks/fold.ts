// Merges the counts of past days into one row per day, so that statistics over months take as few rows and as little time as those over a day.
import breakdowns from '../../sql/fold-breakdowns.sql' with { type: 'text' }
import series from '../../sql/fold-series.sql' with { type: 'text' }
import type { Database } from '../database/guard.ts'
import { inPortions, portionUpTo } from '../database/portion.ts'

const LOCK = 7_767_004
const portions = [series, breakdowns].map((statement) => ({ statement, portion: portionUpTo(5_000) }))
const DEADLINE = 60_000
const DAYS_OPEN = 2 // a day that just ended still gets clicks from journals

/** Folds the counts of days that ended at least two days ago. One replica at a time: others return at once. Returns the number of rows folded. */
export async function foldClicks(database: Database): Promise<number> {
  let folded = 0
  for (const { statement, portion } of portions) {
    let link = 0
    let hadLock = true
    folded += await inPortions(portion, async (limit) => {
      const chunk = await database.transaction(async (sql) => {
        // A separate statement: the next must see what the previous holder of the lock wrote.
        const [lock] = await sql<{ mine: boolean; today: string }[]>`
          select pg_try_advisory_xact_lock(${LOCK}) as mine, ((now() at time zone 'UTC')::date - ${DAYS_OPEN}::int)::text as today`
        if (!lock!.mine) return undefined
        const [chunk] = await sql.unsafe<{ rows: number; link: number }[]>(statement, [lock!.today, link, limit], {
          prepare: true,
        })
        return chunk!
      }, DEADLINE)
      hadLock = chunk !== undefined
      if (chunk) link = chunk.link
      return chunk?.rows ?? 0
    })
    if (!hadLock) break
  }
  return folded
}
