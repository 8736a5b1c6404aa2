// Lists of links in another order than by id. Few matches are all sorted; of many, an index finds those of the page.
import type { Database, Fragment, Sql } from '../database/guard.ts'
import { assertNear } from '../database/milestones.ts'
import type { Owner } from '../database/ownership.ts'
import { extentOf, type Place, type SortedPage, type Total } from '../database/paging.ts'
import { COUNTED } from '../database/totals.ts'
import type { LinkFilter } from './filter.ts'
import { matchingIds } from './matches.ts'
import type { LinkRow } from './schema.ts'
import { select, whereOf } from './select.ts'
import { type SortName, sortOf } from './sort.ts'

type Asked = { filter: LinkFilter; sort: SortName; page: SortedPage; owner: Owner }
/** `place` of the last row. */
type Found = { rows: LinkRow[]; place: Place | undefined }
/** Selects the id, the value and the place of each row of a page. */
type Places = Fragment

/** Rows before a page, if there are too many to sort: an index in another order than by id finds each somewhere else, in 10 µs. */
const FAR = 2_000

const MANY: Total = { count: COUNTED, exact: false }

/** A page of links; every link matches. `total`: their number. */
export async function sortedLinks(database: Database, asked: Asked, total: Total): Promise<Found> {
  assertNear(asked.page, total, FAR)
  return database.run((sql) => linksAt(sql, placesByIndex(sql, asked)))
}

/**
 * A page of the links that match, and their number: exact up to 10,000, whose sorting takes some 50 ms. Where there are more, an index in the right order
 * soon finds a page of them.
 */
export async function sortedMatches(database: Database, asked: Asked): Promise<Found & { total: Total }> {
  const ids = await matchingIds(database, asked.filter, asked.owner)
  if (!ids) assertNear(asked.page, MANY, FAR)
  return database.run(async (sql) =>
    ids
      ? { ...(await linksAt(sql, placesAmong(sql, ids, asked))), total: { count: ids.length, exact: true } }
      : { ...(await linksAt(sql, placesByIndex(sql, asked))), total: MANY },
  )
}

async function linksAt(sql: Sql, places: Places): Promise<Found> {
  const found = await sql<(LinkRow & { sort_value: Place['value'] })[]>`
    ${select(
      sql,
      sql`(select urls.*, page.value as sort_value, page.place from (${places}) as page join urls using (id) where urls.deleted_at is null)`,
      sql`, u.sort_value`,
    )}
    order by u.place`
  const rows = found.map(({ sort_value: _, ...link }) => link)
  const last = found.at(-1)
  return { rows, place: last && { value: last.sort_value, id: last.id } }
}

function placesAmong(sql: Sql, ids: number[], { sort, page }: Asked): Places {
  const { value, type } = sortOf(sort)
  const { descending, place } = page
  const absentFirst = isAbsentFirst(sort, descending)
  const values = sql`
    select u.id, ${sql.unsafe(value)} as value from urls u left join link_totals t on t.url_id = u.id where u.id = any(${ids}::bigint[])`
  const beyond = sql.unsafe(descending ? '<' : '>')
  const after =
    place === undefined
      ? sql`true`
      : place.value === null
        ? sql`value is null and id ${beyond} ${place.id} ${absentFirst ? sql`or value is not null` : sql``}`
        : sql`(value, id) ${beyond} (${place.value}::${sql.unsafe(type)}, ${place.id}) ${absentFirst ? sql`` : sql`or value is null`}`
  return sql`
    select id, value, row_number() over (order by (value is null) ${sql.unsafe(absentFirst ? 'desc' : 'asc')}, ${inOrder(sql, page)}) as place
    from (${values}) as among where ${after} ${extent(sql, page)}`
}

function placesByIndex(sql: Sql, { filter, sort, page, owner }: Asked): Places {
  const { present, absent, type } = sortOf(sort)
  const { descending, place, offset, size } = page
  const parts = absent ? [present, absent] : [present]
  if (isAbsentFirst(sort, descending)) parts.reverse()
  const first = place === undefined ? 0 : parts.indexOf(place.value === null && absent ? absent : present)
  const beyond = sql.unsafe(descending ? '<' : '>')
  const direction = sql.unsafe(descending ? 'desc' : 'asc')
  const most = offset === 0 ? sql.unsafe(String(size)) : sql`${offset + size}::int`
  const selects = parts.slice(first).map((part, i) => {
    const [value, id] = part.keys.map((key) => sql.unsafe(key)) as [Places, Places]
    const after =
      i > 0 || place === undefined
        ? sql``
        : place.value === null
          ? sql`and ${id} ${beyond} ${place.id}`
          : sql`and (${value}, ${id}) ${beyond} (${place.value}::${sql.unsafe(type)}, ${place.id})`
    return sql`
      select ${sql.unsafe(String(i))} as part, ${value} as value, ${id} as id from ${sql.unsafe(part.from)}
      ${whereOf(sql, filter, owner)} and ${sql.unsafe(part.where)} ${after}
      order by ${value} ${direction}, ${id} ${direction} limit ${i === 0 ? most : sql`(select ${most} - count(*) from first_part)`}`
  })
  const [some, rest] = selects
  return sql`
    select id, value, row_number() over (order by part, ${inOrder(sql, page)}) as place
    from (with first_part as materialized (${some!}) select * from first_part ${rest ? sql`union all (${rest})` : sql``}) as parts ${extent(sql, page)}`
}

const isAbsentFirst = (sort: SortName, descending: boolean) => !descending && sortOf(sort).missing === 'lowest'

const inOrder = (sql: Sql, { descending }: SortedPage) => sql.unsafe(descending ? 'value desc, id desc' : 'value, id')

const extent = (sql: Sql, page: SortedPage) => sql`order by place ${extentOf(sql, page)}`
