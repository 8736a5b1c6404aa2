import type { Database } from '../database/guard.ts'
import { type Owner, ownEvents, ownLinks } from '../database/ownership.ts'
import { pageOf } from '../database/paging.ts'
import { countUpTo, totals } from '../database/totals.ts'
import type { Page, Total } from '../http/page.ts'
import { notFound } from '../http/problem.ts'
import type { Event, NewEvent } from './schema.ts'

export type EventStore = ReturnType<typeof eventStore>
export type EventFilter = { url_id?: number; user_id?: number; event_type?: string }

export function eventStore(database: Database) {
  const total = totals(database, 'events', (sql) => sql`select 1 from events`)

  return {
    /** Writes an event; one of type `click` counts, in the same transaction. 404 for an unknown link or user. */
    async create({ event_type, url_id = null, user_id = null, details = {} }: NewEvent, owner: Owner): Promise<Event> {
      if (url_id && !Number.isSafeInteger(url_id)) throw notFound('URL')
      if (user_id && !Number.isSafeInteger(user_id)) throw notFound('User')
      const event = await database.transaction(async (sql) => {
        if (url_id !== null) {
          const link = await sql`select from urls where id = ${url_id} and deleted_at is null ${ownLinks(sql, owner)} for share`
          if (link.count === 0) throw notFound('URL')
        }
        if (user_id !== null && (await sql`select from users where id = ${user_id} for share`).count === 0) throw notFound('User')
        const [row] = await sql<Event[]>`
          insert into events (id, url_id, user_id, event_type, details)
          values (next_event_id(), ${url_id}, ${user_id}, ${event_type}, ${sql.json(details as never)})
          returning id, url_id, user_id, event_type, timestamp, details`
        if (event_type === 'click' && url_id !== null)
          await sql`select count_click(${url_id}, ${row!.timestamp}::timestamptz, ${sql.json(details as never)}, 1)`
        return row!
      })
      total.changed()
      return event
    },

    async find(id: number, owner: Owner): Promise<Event> {
      const [event] = await database.run(
        (sql) => sql<Event[]>`
          select id, url_id, user_id, event_type, timestamp, details from events where id = ${id} ${ownEvents(sql, owner)}`,
      )
      if (!event) throw notFound('Event')
      return event
    },

    /** Deletes an event; a click is subtracted from all that it counted in, in the same transaction. */
    async delete(id: number, owner: Owner): Promise<void> {
      await database.transaction(async (sql) => {
        const [event] = await sql<Event[]>`
          delete from events where id = ${id} ${ownEvents(sql, owner)} returning url_id, event_type, timestamp, details`
        if (!event) throw notFound('Event')
        if (event.event_type === 'click' && event.url_id !== null)
          await sql`
            select count_click(${event.url_id}, ${event.timestamp}::timestamptz, case
              when ${id} < event_id_at('2025-01-01 00:00:00+00') then d - array['browser', 'system', 'device', 'bot'] -- an import counts none of these
              else d end, -1)
            from (select ${sql.json(event.details as never)}::jsonb as d) as given`
      })
      total.changed()
    },

    async list(filter: EventFilter, page: Page, owner: Owner): Promise<{ rows: Event[]; total: Total }> {
      const { url_id, user_id, event_type } = filter
      return database.run(async (sql) => {
        const where = sql`
          where true ${ownEvents(sql, owner)}
          ${url_id === undefined ? sql`` : sql`and url_id = ${url_id}`}
          ${user_id === undefined ? sql`` : sql`and user_id = ${user_id}`}
          ${event_type === undefined ? sql`` : sql`and event_type = ${event_type} ${event_type === 'click' ? sql`` : sql`and event_type <> 'click'`}`}`
        const rows = sql<Event[]>`
          select id, url_id, user_id, event_type, timestamp, details from events ${where} ${pageOf(sql, page)}`
        const filtered = owner !== undefined || Object.values(filter).some((value) => value !== undefined)
        const count = filtered ? countUpTo(sql, sql`select 1 from events ${where}`) : total.count()
        const [found, counted] = await Promise.all([rows, count]) // together: neither may fail with nobody waiting for it
        return { rows: [...found], total: counted }
      })
    },

    forgetTotal: () => total.changed(),
  }
}
