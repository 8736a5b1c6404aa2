import { invalid, notFound, Problem } from '../base/problem.ts'
import { readTime } from '../base/time.ts'
import { referringHost } from '../clicks/referrer.ts'
import type { Database, Transaction, Writer } from '../database/guard.ts'
import { liveLinks, type Owner, ownEvents } from '../database/ownership.ts'
import type { Page, Total } from '../database/paging.ts'
import { pageOf } from '../database/paging.ts'
import { countUpTo, totals } from '../database/totals.ts'
import type { By } from '../http/principal.ts'
import type { Event, NewEvent } from './schema.ts'
import { SYSTEM_TYPES } from './system.ts'

export type EventStore = ReturnType<typeof eventStore>
type EventFilter = { url_id?: number; user_id?: number; event_type?: string }

export function eventStore(database: Database) {
  const total = totals(database, 'events', (sql) => sql`select 1 from events`)

  return {
    /** Writes an event of a client. One of type `click` is also counted, in the same transaction. 404 for an unknown link or user. */
    async create(event: NewEvent, owner: Owner, by: By, writer: Writer = database): Promise<Event> {
      const { event_type, url_id = null, user_id = null, timestamp } = event
      const details = signed(event.details ?? {}, by)
      const at = timestamp === undefined || timestamp === null ? null : timeOf(timestamp)
      if (url_id === null && owner?.tag !== undefined) throw invalid('url_id', 'is required of a key that is bound to a tag')
      if (url_id && !Number.isSafeInteger(url_id)) throw notFound('URL')
      if (user_id && !Number.isSafeInteger(user_id)) throw notFound('User')
      const written = await writer.transaction(async (sql) => {
        if (url_id !== null) {
          const link = await sql`select from urls where id = ${url_id} and ${liveLinks(sql, owner)} for share`
          if (link.count === 0) throw notFound('URL')
        }
        if (user_id !== null && (await sql`select from users where id = ${user_id} for share`).count === 0) throw notFound('User')
        const [row] = await sql<Event[]>`
          insert into events (id, url_id, user_id, event_type, timestamp, details)
          values (next_event_id(), ${url_id}, ${user_id}, ${event_type}, coalesce(${at}::timestamptz, now()), ${sql.json(details as never)})
          returning id, url_id, user_id, event_type, timestamp, details`
        if (event_type === 'click' && url_id !== null)
          await sql`select count_click(${url_id}, ${row!.timestamp}::timestamptz, ${sql.json(withReferrer(details, referringHost(details)))}, 1)`
        return row!
      })
      total.changed()
      return written
    },

    async find(id: number, owner: Owner): Promise<Event> {
      const [event] = await database.run(
        (sql) => sql<Event[]>`
          select id, url_id, user_id, event_type, timestamp, details from events where id = ${id} ${ownEvents(sql, owner)}`,
      )
      if (!event) throw notFound('Event')
      return event
    },

    /**
     * Deletes an event. A click is subtracted from all totals, in the same transaction. 403 for an event that the server wrote, unless
     * `audit`.
     */
    async delete(id: number, owner: Owner, audit: boolean): Promise<void> {
      await database.transaction(async (sql) => {
        const [event] = await sql<Event[]>`
          delete from events where id = ${id} ${ownEvents(sql, owner)} ${audit ? sql`` : sql`and event_type <> all(${SYSTEM_TYPES})`}
          returning url_id, event_type, timestamp, details`
        if (!event) {
          const kept = await sql`select from events where id = ${id} ${ownEvents(sql, owner)}`
          if (kept.count > 0) throw new Problem(403, 'the server wrote this event: deleting it requires the scope admin')
          throw notFound('Event')
        }
        if (event.event_type === 'click' && event.url_id !== null && !(await wasReset(sql, id, event.url_id)))
          await uncountClick(sql, id, event.url_id, event)
      })
      total.changed()
    },

    async list(filter: EventFilter, page: Page, owner: Owner): Promise<{ rows: Event[]; total: Total }> {
      const { url_id, user_id, event_type } = filter
      const filtered = owner !== undefined || Object.values(filter).some((value) => value !== undefined)
      const whole = filtered ? undefined : total.count()
      const listed = database.run(async (sql) => {
        const where = sql`
          where true ${ownEvents(sql, owner)}
          ${url_id === undefined ? sql`` : sql`and url_id = ${url_id}`}
          ${user_id === undefined ? sql`` : sql`and user_id = ${user_id}`}
          ${event_type === undefined ? sql`` : sql`and event_type = ${event_type} ${event_type === 'click' ? sql`` : sql`and event_type <> 'click'`}`}`
        const rows = sql<Event[]>`
          select id, url_id, user_id, event_type, timestamp, details from events ${where} ${pageOf(sql, page)}`
        return Promise.all([rows, filtered ? countUpTo(sql, sql`select 1 from events ${where}`) : undefined])
      })
      const [[found, counted], all] = await Promise.all([listed, whole]) // together, so that neither rejects unhandled
      return { rows: [...found], total: counted ?? all! }
    },

    forgetTotal: () => total.changed(),
  }
}

/** Clocks differ a little: accept times that are at most this far in the future. */
const MAX_AHEAD = 5 * 60_000

/** Checks the time that a client gave; returns ISO 8601. */
function timeOf(text: string): string {
  const time = readTime(text)
  if (time === undefined) throw invalid('timestamp', 'must be an ISO time, such as 2025-09-19T22:25:05Z')
  if (time < '1970') throw invalid('timestamp', 'must not be before 1970')
  if (Date.parse(time) > Date.now() + MAX_AHEAD) throw invalid('timestamp', 'must not be in the future')
  return time
}

type Details = Record<string, unknown>

/** With the caller, which no client can choose. */
const signed = ({ by: _, key_id: _id, key_name: _name, ...details }: Details, by: By): Details => ({ ...details, ...by })

/** Only the host of the referrer is counted. */
const withReferrer = ({ referer: _, ...details }: Details, referrer: string) => ({ ...details, referrer })

/** When the latest click is deleted, we look for the next latest among this many of the link's newest clicks (20 ms). */
const LATEST_AMONG = 10_000

/** Whether a reset of the link took this click out of all counts already. Until the transaction ends, it is not reset. */
async function wasReset(sql: Transaction, id: number, link: number): Promise<boolean> {
  await sql`select from urls where id = ${link} for share`
  return (await sql`select from click_resets where url_id = ${link} and before > ${id}`).count > 0
}

async function uncountClick(
  sql: Transaction,
  id: number,
  link: number,
  { timestamp, details }: Pick<Event, 'timestamp' | 'details'>,
) {
  const referrer = await countedReferrer(sql, link, timestamp, details)
  await sql`
    select count_click(${link}, ${timestamp}::timestamptz, case
      when ${id} < event_id_at('2025-01-01 00:00:00+00') then d - array['browser', 'system', 'device', 'bot'] -- imports do not count these
      else d end, -1)
    from (select ${sql.json(withReferrer(details, referrer))}::jsonb as d) as given`
  await sql`
    update link_totals set last_click = case when clicks > 0 then coalesce((
      select max(timestamp) from (
        select timestamp from events where url_id = ${link} and event_type = 'click' order by id desc limit ${LATEST_AMONG}) as newest), last_click) end
    where url_id = ${link} and last_click <= ${timestamp}::timestamptz`
}

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
