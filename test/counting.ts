// Clicks as tests look at them in the database.
import { rollUp } from '../src/clicks/roll-up.ts'
import type { Database } from '../src/database/guard.ts'
import { until } from './until.ts'

/** A table expression: events of both tables. */
export const ALL_EVENTS = `(
  select id, url_id, user_id, event_type, timestamp, details from events union all
  select id, url_id, user_id, event_type, timestamp, details from click_events) as all_events`

/** Waits until all stored clicks are counted in series and breakdowns. */
export async function countAll(database: Database) {
  const count = rollUp(
    { ...database, onUp: () => {} },
    () => false,
    async () => {},
  )
  await until('all clicks are counted', async () => {
    await count()
    const [row] = await database.run(
      (sql) => sql<{ n: number }[]>`select count(*) as n from clicks where id > (select watermark from click_rollup)`,
    )
    return row!.n === 0
  })
}
