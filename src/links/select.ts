// The SQL that selects links and filters them.
import type { Database, Fragment, Sql } from '../database/guard.ts'
import { hasAll, hasAny, liveLinks, type Owner } from '../database/ownership.ts'
import { extentOf, limitUpTo, orderOf, type Page } from '../database/paging.ts'
import { idOfCode } from './coded.ts'
import { linkColumns } from './columns.ts'
import type { LinkFilter, Tagged } from './filter.ts'
import type { LinkRow } from './schema.ts'
import { contains, searchedText, wordsOf } from './searched.ts'
import { isInState } from './state.ts'

/** Selects LinkRows from `from`, aliased `u`. */
export const select = (sql: Sql, from = sql`urls`, more = sql``) => sql`
  select ${linkColumns(sql)} ${more}
  from ${from} u left join link_totals t on t.url_id = u.id`

/** The links of a page. They are found before their totals are joined: PostgreSQL would otherwise join those of all links up to the page. */
export function pageOfLinks(sql: Sql, filter: LinkFilter, page: Page, owner: Owner) {
  const direction = page.descending ? sql`desc` : sql``
  return sql<LinkRow[]>`
    ${select(
      sql,
      sql`(
      select * from (select u.* from urls u ${orderedLinks(sql, filter, page, owner)} ${limitUpTo(sql, page)}) as near
      order by id ${direction} ${extentOf(sql, page)})`,
    )}
    order by u.id ${direction}`
}

/** The conditions and the order of a page, so that PostgreSQL walks the index of this list, whatever it knows of the table. */
function orderedLinks(sql: Sql, filter: LinkFilter, page: Page, owner: Owner): Fragment {
  const { user_id, ...others } = filter
  const inOrder = orderOf(sql, page, sql`u.id`)
  if (!isOrdered(filter, owner)) return sql`${whereOf(sql, filter, owner)} ${inOrder}`
  if (user_id !== undefined) return sql`where ${indexedIn(sql, others, owner)} ${ofUser(sql, user_id, page)}`
  if (owner !== undefined) return sql`where ${indexedIn(sql, others, owner)} ${inOrder}`
  // `case` is expected to be true for every other row. Without statistics, PostgreSQL expects hardly any link that is not deleted, and sorts them all.
  return sql`where ${others.is_active === false ? sql`u.deleted_at is null and not u.is_active` : sql`true`}
    and case when ${indexedIn(sql, others, undefined)} then true else false end ${inOrder}`
}

/** The links of a user in the order of their index. An equation would let PostgreSQL guess their number, and walk the links of everybody. */
function ofUser(sql: Sql, user: number, { after, descending }: Page): Fragment {
  const first = after ?? (descending ? Number.MAX_SAFE_INTEGER : -1)
  return descending
    ? sql`and (u.user_id, u.id) < (${user}, ${first}) and u.user_id >= ${user} order by u.user_id desc, u.id desc`
    : sql`and (u.user_id, u.id) > (${user}, ${first}) and u.user_id <= ${user} order by u.user_id, u.id`
}

/** Whether an index has the links that match, and few others, in the order of ids. */
export function isOrdered({ user_id: _, is_active: _active, ...others }: LinkFilter, owner: Owner): boolean {
  return owner?.tag === undefined && Object.values(others).every((value) => value === undefined)
}

/** The links with these ids, in this order. */
export async function linksOf(database: Database, ids: number[]): Promise<LinkRow[]> {
  if (ids.length === 0) return []
  const rows = await database.run(
    (sql) => sql<LinkRow[]>`${select(sql)} where u.id = any(${ids}::bigint[]) and u.deleted_at is null`,
  )
  const byId = new Map(rows.map((row) => [row.id, row]))
  return ids.flatMap((id) => byId.get(id) ?? [])
}

export const whereOf = (sql: Sql, filter: LinkFilter, owner: Owner) =>
  sql`where ${indexedIn(sql, filter, owner)} ${searchedIn(sql, filter)}`

/** Conditions that an index answers in order of id: reading the next links after an id costs only those links. */
export function indexedIn(sql: Sql, { user_id, is_active, code, anyCase, target }: LinkFilter, owner: Owner) {
  return sql`
    ${liveLinks(sql, owner)}
    ${user_id === undefined ? sql`` : sql`and u.user_id = ${user_id}`}
    ${code === undefined ? sql`` : sql`and u.id = ${idOfCode(sql, code, anyCase)}`}
    ${target === undefined ? sql`` : sql`and hashtextextended(u.original_url, 0) = hashtextextended(${target}, 0) and u.original_url = ${target}`}
    ${is_active === undefined ? sql`` : is_active ? sql`and u.is_active` : sql`and not u.is_active`}`
}

/** The same, and those of an index without an order. */
export const narrowedIn = (sql: Sql, filter: LinkFilter, owner: Owner) =>
  sql`${indexedIn(sql, filter, owner)} ${filter.tagged && filter.tagged.match !== 'none' ? sql`and ${isTagged(sql, filter.tagged)}` : sql``}`

/** The other conditions: answered by a scan, or by an index without an order. `known`: words of the search that need no check. */
export function searchedIn(sql: Sql, { blocked, state, tagged, q }: LinkFilter, known: string[] = []) {
  const words = q === undefined ? [] : wordsOf(q).filter((word) => !known.includes(word))
  return sql`
    ${blocked === undefined ? sql`` : blocked ? sql`and ${isBlocked(sql)}` : sql`and not ${isBlocked(sql)}`}
    ${state === undefined ? sql`` : state === 'blocked' ? sql`and ${isBlocked(sql)}` : sql`and ${isInState(sql, state)} and not ${isBlocked(sql)}`}
    ${tagged === undefined ? sql`` : sql`and ${isTagged(sql, tagged)}`}
    ${words.length === 0 ? sql`` : words.map((word) => sql`and ${contains(sql, searchedText(sql), word)}`)}`
}

const isTagged = (sql: Sql, { tags, match }: Tagged) =>
  match === 'all' ? hasAll(sql, tags) : match === 'any' ? hasAny(sql, tags) : sql`not (${hasAny(sql, tags)})`

/**
 * Whether the host of the target, or a parent domain, is on the blocklist. Scans every link: about 2 s for 300,000 with one hash of the
 * hosts (`is true` prevents a join per link); regular expressions took 6 s.
 */
const isBlocked = (sql: Sql) => sql`
  (exists (select from blocked_hosts) and exists (
    select from (select split_part(split_part(split_part(split_part(
      coalesce(u.location, u.original_url), '/', 3), '?', 1), '#', 1), '@', -1) as place offset 0) as written,
    lateral (select string_to_array(lower(rtrim(
      case when place like '[%' then split_part(place, ']', 1) || ']' else split_part(place, ':', 1) end, '.') collate "C"), '.') as labels offset 0) as host,
    generate_subscripts(labels, 1) as first
    where (array_to_string(labels[first:], '.') in (select host from blocked_hosts)) is true))`
