// Lists events: those of the table of events, and clicks as events. The ids of a page are found before its rows are read.
import type { Database, Fragment, Sql } from '../database/guard.ts'
import type { NextIds } from '../database/milestones.ts'
import { type Owner, ownEvents, ownLinks } from '../database/ownership.ts'
import { extentOf, limitUpTo, orderOf, type Page, pageOf, type Total } from '../database/paging.ts'
import { countUpTo } from '../database/totals.ts'
import type { Event } from './schema.ts'

export type EventFilter = { url_id?: number; user_id?: number; event_type?: string }

/** `links` of the owner or user; undefined if they do not matter, or if there are too many. */
type Asked = EventFilter & { owner: Owner; links?: number[] }

/** Up to this many links, the clicks of each are read; of more, all clicks in the order of the page until it is full. */
const FEW_LINKS = 1_000

const COLUMNS = 'id, url_id, user_id, event_type, timestamp, details'

/** The rows of a page. */
export const readEvents = (database: Database, filter: EventFilter, owner: Owner, page: Page): Promise<Event[]> =>
  database.run(async (sql) => {
    const asked = await withLinks(sql, filter, owner)
    if (!hasClicks(filter))
      return sql<Event[]>`select ${sql.unsafe(COLUMNS)} from events ${eventsWhere(sql, asked)} ${pageOf(sql, page)}`
    const direction = page.descending ? sql`desc` : sql``
    return sql<Event[]>`
      select shown.* from (
        select id, is_click from (
          (select id, false as is_click from events ${eventsWhere(sql, asked)} ${orderOf(sql, page)} ${limitUpTo(sql, page)}) union all
          (select id, true from ${clicksOf(sql, asked, page, limitUpTo(sql, page))} as clicks)) as both_kinds
        order by id ${direction} ${extentOf(sql, page)}) as page
      cross join lateral (
        select ${sql.unsafe(COLUMNS)} from events where not page.is_click and id = page.id union all
        select ${sql.unsafe(COLUMNS)} from click_events where page.is_click and id = page.id and id >> 6 = page.id >> 6) as shown
      order by page.id ${direction}`
  })

/** The number of matches, as far as they are counted. */
export async function countEvents(sql: Sql, filter: EventFilter, owner: Owner): Promise<Total> {
  const asked = await withLinks(sql, filter, owner)
  const events = sql`select 1 from events ${eventsWhere(sql, asked)}`
  return countUpTo(sql, hasClicks(filter) ? sql`(select 1 from ${clicksOf(sql, asked)} as clicks) union all (${events})` : events)
}

/** The next ids of a list; undefined if it is of an owner or a user, whose links have to be read first. */
export function nextEvents(filter: EventFilter, owner: Owner): NextIds | undefined {
  if (owner !== undefined || filter.user_id !== undefined) return undefined
  const asked = { ...filter, owner }
  return (sql, after, limit) => {
    const page = { number: 1, size: limit, offset: 0, after, descending: false }
    const events = sql`select id from events ${eventsWhere(sql, asked)} ${pageOf(sql, page)}`
    if (!hasClicks(filter)) return events
    return sql`
      select id from ((${events}) union all (select id from ${clicksOf(sql, asked, page, limitUpTo(sql, page))} as clicks)) as both_kinds
      order by id ${extentOf(sql, page)}`
  }
}

const hasClicks = ({ event_type }: EventFilter) => event_type === undefined || event_type === 'click'

async function withLinks(sql: Sql, filter: EventFilter, owner: Owner): Promise<Asked> {
  if (owner === undefined && filter.user_id === undefined) return { ...filter, owner }
  const [found] = await sql<{ ids: number[] }[]>`
    select array(select id from urls ${linksWhere(sql, { ...filter, owner })} limit ${FEW_LINKS + 1}) as ids`
  return { ...filter, owner, links: found!.ids.length > FEW_LINKS ? undefined : found!.ids }
}

/** The links whose clicks are listed. */
const linksWhere = (sql: Sql, { url_id, user_id, owner }: Asked) => sql`
  where true ${ownLinks(sql, owner)}
    ${url_id === undefined ? sql`` : sql`and id = ${url_id}`} ${user_id === undefined ? sql`` : sql`and user_id = ${user_id}`}`

/** Clicks by a text, and other types by a parameter: each has an index, which no plan for both could use. */
const eventsWhere = (sql: Sql, { url_id, user_id, event_type, owner, links }: Asked) => sql`
  where true ${ownEvents(sql, owner, user_id === undefined ? links : undefined)}
    ${url_id === undefined ? sql`` : sql`and url_id = ${url_id}`}
    ${user_id === undefined ? sql`` : sql`and user_id = ${user_id}`}
    ${event_type === undefined ? sql`` : event_type === 'click' ? sql`and event_type = 'click'` : sql`and event_type = ${event_type} and event_type <> 'click'`}`

/** The ids of clicks: those of a page, up to `limit`, or all of them. */
function clicksOf(sql: Sql, asked: Asked, page?: Page, limit = sql``): Fragment {
  const { url_id, user_id, owner, links } = asked
  const byId = page ? sql`${orderOf(sql, page)} ${limit}` : sql``
  if (links)
    return sql`(
      select id from unnest(${links}::bigint[]) as link (url_id) cross join lateral (
        select id from clicks where clicks.url_id = link.url_id ${byId}) as clicks
      where true ${byId})`
  const ofUser =
    owner === undefined && user_id === undefined ? sql`` : sql`and url_id in (select id from urls ${linksWhere(sql, asked)})`
  if (url_id !== undefined) return sql`(select id from clicks where url_id = ${url_id} ${ofUser} ${byId})`
  return sql`(select id from clicks where true ${ofUser} ${page ? inOrder(sql, page) : sql``} ${limit})`
}

/** The index of clicks has the ids in groups of 64. */
function inOrder(sql: Sql, { after, descending }: Page): Fragment {
  const direction = descending ? sql`desc` : sql``
  const from =
    after === undefined
      ? sql``
      : descending
        ? sql`and id < ${after} and id >> 6 <= ${after}::bigint >> 6`
        : sql`and id > ${after} and id >> 6 >= ${after}::bigint >> 6`
  return sql`${from} order by id >> 6 ${direction}, id ${direction}`
}
