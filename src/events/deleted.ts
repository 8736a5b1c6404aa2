// Deletes an event. A click is subtracted from what counts it.
import { notFound, Problem } from '../base/problem.ts'
import { referringHost } from '../clicks/referrer.ts'
import type { Database, Transaction } from '../database/guard.ts'
import { type Owner, ownEvents } from '../database/ownership.ts'
import type { Event } from './schema.ts'
import { SYSTEM_TYPES } from './system.ts'

type Details = Record<string, unknown>
type Deleted = Pick<Event, 'url_id' | 'event_type' | 'timestamp'> & { details: Details; counted: boolean }

/** 404 if the owner has no such event; 403 for an event that the server wrote, unless `audit`. */
export const deleteEvent = (database: Database, id: number, owner: Owner, audit: boolean): Promise<void> =>
  database.transaction(async (sql) => {
    await lockLink(sql, id)
    const [event] = await sql<Deleted[]>`
      delete from events where id = ${id} ${ownEvents(sql, owner)} ${audit ? sql`` : sql`and event_type <> all(${SYSTEM_TYPES})`}
      returning url_id, event_type, timestamp, details, true as counted`
    const gone = event ?? (await deleteClick(sql, id, owner))
    if (!gone) {
      const kept = await sql`select from events where id = ${id} ${ownEvents(sql, owner)}`
      if (kept.count > 0) throw new Problem(403, 'the server wrote this event: deleting it requires the scope admin')
      throw notFound('Event')
    }
    if (gone.event_type === 'click' && gone.url_id !== null && !(await wasReset(sql, id, gone.url_id)))
      await uncount(sql, id, gone.url_id, gone)
  })

/** Until the transaction ends, the link is not reset, and no clicks are rolled up. */
const lockLink = async (sql: Transaction, id: number) => {
  await sql`
    select from urls where id in (
      select url_id from events where id = ${id} union all select url_id from clicks where ${clickIs(sql, id)}) for share`
  await sql`select from click_rollup for share`
}

async function deleteClick(sql: Transaction, id: number, owner: Owner): Promise<Deleted | undefined> {
  const [click] = await sql<Deleted[]>`
    with found as materialized (
      select event_type, timestamp, details from click_events where ${clickIs(sql, id)} ${ownEvents(sql, owner)}),
    gone as (
      delete from clicks where ${clickIs(sql, id)} and exists (select from found) returning id, url_id)
    select url_id, event_type, timestamp, details, id <= (select watermark from click_rollup) as counted from gone, found`
  return click
}

/** The index of clicks has the ids in groups of 64. */
const clickIs = (sql: Transaction, id: number) => sql`id = ${id} and id >> 6 = ${id}::bigint >> 6`

/** Whether a reset of the link took this click out of all counts already. */
const wasReset = async (sql: Transaction, id: number, link: number): Promise<boolean> =>
  (await sql`select from click_resets where url_id = ${link} and before > ${id}`).count > 0

/** When the latest click is deleted, we look for the next latest among this many of the link's newest clicks (20 ms). */
const LATEST_AMONG = 10_000

async function uncount(sql: Transaction, id: number, link: number, { timestamp, details, counted }: Deleted) {
  if (counted) {
    const referrer = await countedReferrer(sql, link, timestamp, details)
    await sql`
      select count_click(${link}, ${timestamp}::timestamptz, case
        when ${id} < event_id_at('2025-01-01 00:00:00+00') then d - array['browser', 'system', 'device', 'bot'] -- imports do not count these
        else d end, -1)
      from (select ${sql.json(withReferrer(details, referrer))}::jsonb as d) as given`
  } else
    await sql`
      update link_totals set clicks = greatest(clicks - 1, 0), bots = greatest(bots - ${details.bot === true ? 1 : 0}, 0) where url_id = ${link}`
  await sql`
    update link_totals set last_click = case when clicks > 0 then coalesce((
      select max(timestamp) from (
        (select timestamp from events where url_id = ${link} and event_type = 'click' order by id desc limit ${LATEST_AMONG}) union all
        (select timestamp from clicks where url_id = ${link} order by id desc limit ${LATEST_AMONG})) as newest), last_click) end
    where url_id = ${link} and last_click <= ${timestamp}::timestamptz`
}

/** Only the host of the referrer is counted. */
export const withReferrer = ({ referer: _, ...details }: Details, referrer: string) => ({ ...details, referrer }) as never

/** Release 0.1.0 counted hosts unnormalised: such a click must be subtracted from the host as it was counted. */
async function countedReferrer(sql: Transaction, link: number, timestamp: string, details: Details): Promise<string> {
  const host = referringHost(details)
  const given = details.referrer ?? details.referer
  if (typeof given !== 'string' || host === given) return host
  const [before] = await sql<{ host: string }[]>`
    select host from (select substring(lower(${given}) from '^(?:[a-z][a-z0-9+.-]*://)?(?:[^/?#@]*@)?(\\[[0-9a-f:.]+\\]|[^][/?#:@\\s]+)') as host) as written
    where host <> ${host} and exists (
      select from click_breakdowns where url_id = ${link} and day = (${timestamp}::timestamptz at time zone 'UTC')::date and dimension = 'referrer' and value = host
      union all
      select from click_months where url_id = ${link} and month = date_trunc('month', ${timestamp}::timestamptz at time zone 'UTC')::date
        and dimension = 'referrer' and value = host and extract(day from ${timestamp}::timestamptz at time zone 'UTC') - 1 = any (days))`
  return before?.host ?? host
}
