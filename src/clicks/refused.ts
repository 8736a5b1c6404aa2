// Stores clicks that release 0.1.0 put into click_rejects because there was no partition for their ids.
import type { Database } from '../database/guard.ts'
import { inPortions, portionUpTo } from '../database/portion.ts'
import type { Click } from '../journal/journal-format.ts'
import type { Log } from '../telemetry/logs.ts'
import { batchOf } from './batch.ts'
import { isBadData, storeBatch } from './store.ts'

/** The message is localized; of all reasons, only this one names the table. */
const NO_PARTITION = '%events%'
const portion = portionUpTo(5_000)
const FUTURE = 300_000

/** Stores each of them once. One that is now refused for another reason stays, with that reason. */
export async function takeUpRefused(database: Database, log: Log): Promise<void> {
  let taken = 0
  for (;;)
    try {
      await inPortions(portion, async (limit) => {
        const count = await takeUp(database, limit)
        taken += count
        return count
      })
      break
    } catch (error) {
      if (!isBadData(error) && !(error instanceof TypeError)) throw error // a record that is not a click has no texts
      await database.run(
        (sql) => sql`
          update click_rejects set reason = ${String((error as Error).message)
            .slice(0, 400)
            .replaceAll('events', 'event')}
          where id = (select min(id) from click_rejects where reason like ${NO_PARTITION})`,
      )
    }
  if (taken > 0) log.info({ clicks: taken }, 'clicks that were refused because a partition was missing were stored')
}

/** Stores one portion in one transaction, as a temporary journal. Returns the number of clicks. */
const takeUp = (database: Database, limit: number) =>
  database.transaction(async (sql) => {
    const refused = await sql<{ record: Click }[]>`
      delete from click_rejects where id = any(array(
        select id from click_rejects where reason like ${NO_PARTITION} order by id limit ${limit} for update skip locked))
      returning record`
    if (refused.length === 0) return 0
    const clicks = refused.map(({ record }) => record)
    const journal = Bun.randomUUIDv7()
    await sql`insert into journals (journal_id) values (${journal})`
    const clampTime = (time: number) => Math.min(time, Date.now() + FUTURE)
    await storeBatch(sql, { journal, before: 0, after: clicks.length }, clicks, clampTime, batchOf(clicks, clampTime))
    await sql`delete from journals where journal_id = ${journal}`
    return clicks.length
  }, 12_000)
