import { invalid, notFound } from '../base/problem.ts'
import { readTime } from '../base/time.ts'
import { referringHost } from '../clicks/referrer.ts'
import type { Database, Writer } from '../database/guard.ts'
import { milestones } from '../database/milestones.ts'
import { liveLinks, type Owner, ownEvents } from '../database/ownership.ts'
import type { Page, Total } from '../database/paging.ts'
import { filterTotals, totals } from '../database/totals.ts'
import type { By } from '../http/principal.ts'
import { deleteEvent, withReferrer } from './deleted.ts'
import { countEvents, type EventFilter, nextEvents, readEvents } from './listed.ts'
import type { Event, NewEvent } from './schema.ts'

export type EventStore = ReturnType<typeof eventStore>

export function eventStore(database: Database) {
  const total = totals(database, ['events', 'clicks'], (sql) => sql`select 1 from events union all select 1 from clicks`)
  const filtering = filterTotals(database)
  const pages = milestones(database)

  return {
    /** Writes an event of a client. One of type `click` is also counted, in the same transaction. 404 for an unknown link or user. */
    async create(event: NewEvent, owner: Owner, by: By, writer: Writer = database): Promise<Event> {
      const { event_type, url_id = null, user_id = null, timestamp } = event
      const details = signed(event.details ?? {}, by)
      const at = timestamp === undefined || timestamp === null ? null : timeOf(timestamp)
      if (url_id === null && owner?.tag !== undefined) throw invalid('url_id', 'is required for a key that is bound to a tag')
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
          select id, url_id, user_id, event_type, timestamp, details from events where id = ${id} ${ownEvents(sql, owner)}
          union all
          select id, url_id, user_id, event_type, timestamp, details from click_events
          where id = ${id} and id >> 6 = ${id}::bigint >> 6 ${ownEvents(sql, owner)}`,
      )
      if (!event) throw notFound('Event')
      return event
    },

    /** Deletes an event. A click is subtracted from all counts. 403 for an event that the server wrote, unless `audit`. */
    async delete(id: number, owner: Owner, audit: boolean): Promise<void> {
      await deleteEvent(database, id, owner, audit)
      total.changed()
    },

    list(filter: EventFilter, page: Page, owner: Owner): Promise<{ rows: Event[]; total: Total }> {
      const filtered = owner !== undefined || Object.values(filter).some((value) => value !== undefined)
      return pages.list({
        page,
        counted: filtered ? filtering.count([filter, owner], (sql) => countEvents(sql, filter, owner)) : total.count(),
        filter: [filter, owner],
        next: nextEvents(filter, owner),
        read: (page) => readEvents(database, filter, owner, page),
      })
    },

    forgetTotal: () => total.changed(),

    /** Many events changed. */
    forgetPages() {
      total.changed()
      pages.forget()
    },
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

/** With the caller, which no client can choose. */
const signed = ({ by: _, key_id: _id, key_name: _name, ...details }: Record<string, unknown>, by: By) => ({ ...details, ...by })
