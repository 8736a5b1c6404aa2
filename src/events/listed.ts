// Lists events: those of the table of events, and clicks as events.

import type { PendingQuery, Row } from 'postgres'
import type { Database, Sql } from '../database/guard.ts'
import { type Owner, ownEvents, ownLinks } from '../database/ownership.ts'
import { type Page, pageOf } from '../database/paging.ts'
import { countUpTo } from '../database/totals.ts'
import type { Event } from './schema.ts'

export type EventFilter = { url_id?: number; user_id?: number; event_type?: string }

type Rows = PendingQuery<Row[]>

/** Up to this many links, the clicks of each are read; of more, all clicks in the order of the page until it is full. */
const FEW_LINKS = 1_000

/** The rows of a page, and their number (undefined if nothing is filtered). */
export const listEvents = (database: Database, filter: EventFilter, page: Page, owner: Owner) =>
  database.run(async (sql) => {
    const { url_id, user_id, event_type } = filter
    const filtered = owner !== undefined || Object.values(filter).some((value) => value !== undefined)
    const events = (rest: Rows) => sql`
      select id, url_id, user_id, event_type, timestamp, details from events
      where true ${ownEvents(sql, owner)}
        ${url_id === undefined ? sql`` : sql`and url_id = ${url_id}`}
        ${user_id === undefined ? sql`` : sql`and user_id = ${user_id}`}
        ${event_type === undefined ? sql`` : sql`and event_type = ${event_type} ${event_type === 'click' ? sql`` : sql`and event_type <> 'click'`}`}
      ${rest}`
    const clicks = event_type === undefined || event_type === 'click' ? await clicksOf(sql, filter, owner) : undefined
    const first = { ...page, size: page.offset + page.size, offset: 0 }
    const rows = clicks
      ? sql<Event[]>`
          select * from ((${events(pageOf(sql, first))}) union all (${clicks(first)})) as both_kinds
          order by id ${page.descending ? sql`desc` : sql``} limit ${page.size} offset ${page.offset}`
      : sql<Event[]>`${events(pageOf(sql, page))}`
    const counted = clicks ? sql`(${events(sql``)}) union all (${clicks(undefined)})` : events(sql``)
    return Promise.all([rows, filtered ? countUpTo(sql, sql`select 1 from (${counted}) as listed`) : undefined])
  })

/** The clicks of a filter: those of the page, or all of them. */
async function clicksOf(sql: Sql, { url_id, user_id }: EventFilter, owner: Owner): Promise<(page: Page | undefined) => Rows> {
  if (owner === undefined && user_id === undefined)
    return (page) => listed(sql, url_id === undefined ? sql`` : sql`and url_id = ${url_id}`, page)
  const links = sql`
    select id from urls where true ${ownLinks(sql, owner)}
      ${url_id === undefined ? sql`` : sql`and id = ${url_id}`} ${user_id === undefined ? sql`` : sql`and user_id = ${user_id}`}`
  const [found] = await sql<{ ids: number[] }[]>`select array(${links} limit ${FEW_LINKS + 1}) as ids`
  const { ids } = found!
  if (ids.length > FEW_LINKS)
    return (page) => listed(sql, sql`and exists (select from (${links}) as own where own.id = url_id)`, page)
  return (page) => sql`
    select clicks.* from unnest(${ids}::bigint[]) as link (id) cross join lateral (
      ${listed(sql, sql`and url_id = link.id`, page)}) as clicks
    ${page ? pageOf(sql, page, sql`clicks.id`) : sql``}`
}

function listed(sql: Sql, which: Rows, page: Page | undefined): Rows {
  return sql`select id, url_id, user_id, event_type, timestamp, details from click_events where true ${which} ${page ? inOrder(sql, page) : sql``}`
}

/** The index of clicks has the ids in groups of 64. */
function inOrder(sql: Sql, { after, size, descending }: Page): Rows {
  const direction = descending ? sql`desc` : sql``
  const from =
    after === undefined
      ? sql``
      : descending
        ? sql`and id < ${after} and id >> 6 <= ${after}::bigint >> 6`
        : sql`and id > ${after} and id >> 6 >= ${after}::bigint >> 6`
  return sql`${from} order by id >> 6 ${direction}, id ${direction} limit ${size}`
}
