// Resets the clicks of a link: its counts, statistics and click events. Earlier clicks that are still in a journal will not be stored.
import { notFound } from '../base/problem.ts'
import { DatabaseUnreachable } from '../database/database-unreachable.ts'
import type { Database, Transaction } from '../database/guard.ts'
import { liveLinks, type Owner } from '../database/ownership.ts'
import { inPortions, portionUpTo } from '../database/portion.ts'
import { hasState } from '../database/sql-state.ts'
import type { By } from '../http/principal.ts'
import { eraseCounts, eraseCountsOf } from './erase.ts'

const eventsPortion = portionUpTo(5_000)
const AT_ONCE = 100
const TRIES = 3
const DEADLINE = 15_000

/** 404 if the caller has no such link. The audit log gets a `reset` event with the caller (`by`) and the counts until then. */
export async function resetClicks(database: Database, id: number, owner: Owner, by: By): Promise<void> {
  const found = await database.run((sql) => sql`select from urls where id = ${id} and ${liveLinks(sql, owner)}`)
  if (found.count === 0) throw notFound('URL')
  await eraseCounts(database, [id]) // first in portions, so that few rows are left for the transaction
  for (let left = TRIES; ; left--)
    try {
      await database.transaction((sql) => reset(sql, id, owner, by), DEADLINE)
      break
    } catch (error) {
      // A reset can deadlock with two simultaneous batches of clicks.
      const deadlocked = error instanceof DatabaseUnreachable && hasState(error.cause, 'deadlock_detected')
      if (!deadlocked || left === 0) throw error
    }
  await eraseClickEvents(database, id)
}

/**
 * The lock on the link keeps out events of the API. Counts are locked as all writers do: breakdowns, series, totals. A batch of clicks that was
 * in flight has committed then, or will see the reset.
 */
async function reset(sql: Transaction, id: number, owner: Owner, by: By) {
  const link = await sql`select from urls where id = ${id} and ${liveLinks(sql, owner)} for no key update`
  if (link.count === 0) throw notFound('URL')
  await sql`select from click_rollup for share` // until the transaction ends, no clicks are rolled up
  await eraseCountsOf(sql, id)
  const [before] = await sql<
    { clicks: number; bots: number }[]
  >`select clicks, bots from link_totals where url_id = ${id} for update`
  await sql`
    insert into link_totals as t (url_id, reset_at, reset_xid) values (${id}, clock_timestamp(), pg_current_xact_id())
    on conflict (url_id) do update set clicks = 0, bots = 0, last_click = null, reset_at = excluded.reset_at, reset_xid = excluded.reset_xid`
  await eraseCountsOf(sql, id) // what that batch added
  await sql`delete from clicks where url_id = ${id} and id > (select watermark from click_rollup)`
  await sql`
    with event as (
      insert into events (id, url_id, user_id, event_type, details)
      select next_event_id(), id, user_id, 'reset', ${sql.json({ clicks: before?.clicks ?? 0, bots: before?.bots ?? 0, ...by })}
      from urls where id = ${id} returning id)
    insert into click_resets (url_id, before) select ${id}, id from event
    on conflict (url_id) do update set before = excluded.before`
}

/** Continues resets that were interrupted; the server calls it every few seconds. */
export async function continueResets(database: Database): Promise<void> {
  const listed = await database.run(
    (sql) => sql<{ url_id: number }[]>`select url_id from click_resets order by 1 limit ${AT_ONCE}`,
  )
  for (const { url_id } of listed) await eraseClickEvents(database, url_id)
}

/** Deletes the click events from before a link's last reset, in portions. */
async function eraseClickEvents(database: Database, id: number) {
  const [listed] = await database.run((sql) => sql<{ before: number }[]>`select before from click_resets where url_id = ${id}`)
  if (!listed) return
  await inPortions(eventsPortion, async (limit) => {
    const { count } = await database.run(
      (sql) => sql`
        delete from events where id = any(array(
          select id from events where url_id = ${id} and event_type = 'click' and id < ${listed.before} order by id limit ${limit} for update))`,
    )
    return count
  })
  await inPortions(eventsPortion, async (limit) => {
    const { count } = await database.run(
      (sql) => sql`
        delete from clicks where url_id = ${id} and id = any(array(
          select id from clicks where url_id = ${id} and id < ${listed.before} order by id limit ${limit} for update))`,
    )
    return count
  })
  await database.run((sql) => sql`delete from click_resets where url_id = ${id} and before = ${listed.before}`)
}
