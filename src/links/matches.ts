// The matches of a search, by id. If the index finds few, one query reads them; if there are many, reading by id soon finds the next ones.
import type { Database, Sql } from '../database/guard.ts'
import { assertNear } from '../database/milestones.ts'
import type { Owner } from '../database/ownership.ts'
import { extentOf, orderOf, type Page, pageOf, type Total } from '../database/paging.ts'
import { COUNTED } from '../database/totals.ts'
import type { LinkFilter } from './filter.ts'
import { byIndex, knownIn, look, narrowed, newest } from './narrow.ts'
import { wordsOf } from './searched.ts'
import { narrowedIn, searchedIn, whereOf } from './select.ts'

/** A filter with a search. */
export type Searched = LinkFilter & { q: string }

export const isSearch = (filter: LinkFilter): filter is Searched => filter.q !== undefined

/** Links read for a page or a count if the index does not help. A word that narrows nothing is in 40 % of them or more. */
const SCANNED = 15_000

/** `next`: the links up to this id were read and do not fill the page, and there are more. */
type Found = { ids: number[]; total: Total; next?: number }

/** The ids of a page of matches, and how many matches there are: exact up to 10,000, beyond that a lower bound. */
export async function pageOfMatches(database: Database, filter: Searched, page: Page, owner: Owner): Promise<Found> {
  const few = await askIndex(database, filter, page, owner)
  if (few?.total.exact) return few
  return byIndex(database, async (sql) => {
    const many = few?.total.count === COUNTED // so the page is soon full
    const total = few?.total ?? (await countNewest(sql, filter, owner))
    assertNear(page, total)
    const end = await endOf(sql, filter, page, owner)
    const ids = await idsUpTo(sql, end, filter, page, owner)
    if (end === undefined || ids.length === page.size) return { ids, total }
    return many ? { ids: await idsUpTo(sql, undefined, filter, page, owner), total } : { ids, total, next: end }
  })
}

async function idsUpTo(sql: Sql, end: number | undefined, filter: Searched, page: Page, owner: Owner): Promise<number[]> {
  const upTo = end === undefined ? sql`` : page.descending ? sql`and id >= ${end}` : sql`and id <= ${end}`
  // `offset 0` keeps PostgreSQL from searching, and sorting, all links.
  const rows = await sql<{ id: number }[]>`
    select id from (select u.* from urls u where ${narrowedIn(sql, filter, owner)} ${upTo} ${orderOf(sql, page)} offset 0) u
    where true ${searchedIn(sql, filter)} ${extentOf(sql, page)}`
  return rows.map(({ id }) => id)
}

/** The id up to which a page is searched: otherwise a rare word that the index does not know would read every link. */
async function endOf(sql: Sql, filter: Searched, page: Page, owner: Owner): Promise<number | undefined> {
  const [end] = await sql<{ id: number }[]>`
    select u.id from urls u where ${narrowedIn(sql, filter, owner)} ${orderOf(sql, page, sql`u.id`)}
    limit 1 offset ${SCANNED - 1 + 3 * page.offset}`
  return end?.id
}

/** Counts matches among the newest links. */
async function countNewest(sql: Sql, filter: Searched, owner: Owner): Promise<Total> {
  const [counted] = await sql<{ links: number; matches: number }[]>`
    select count(*) as links, count(*) filter (where true ${searchedIn(sql, filter)}) as matches
    from ${newest(sql, filter, owner, SCANNED + 1)} u`
  const { links, matches } = counted!
  return { count: Math.min(matches, COUNTED), exact: links <= SCANNED && matches <= COUNTED }
}

const ALL: Page = { number: 1, size: COUNTED, offset: 0, after: undefined, descending: false }

/** The ids of all matches; undefined if there are more than 10,000, or if the index cannot find them. */
export async function fewMatches(database: Database, filter: Searched, owner: Owner): Promise<number[] | undefined> {
  const few = await askIndex(database, filter, ALL, owner)
  return few?.total.exact ? few.ids : undefined
}

/** The same, also if the index cannot find them: then all links may be read. */
export async function matchingIds(database: Database, filter: LinkFilter, owner: Owner): Promise<number[] | undefined> {
  const few = isSearch(filter) ? await askIndex(database, filter, ALL, owner) : undefined
  if (few) return few.total.exact ? few.ids : undefined
  const found = await database.run(
    (sql) => sql<{ id: number }[]>`select u.id from urls u ${whereOf(sql, filter, owner)} limit ${COUNTED + 1}`,
  )
  return found.length > COUNTED ? undefined : found.map(({ id }) => id).sort((a, b) => a - b)
}

/** Undefined if no word is rare, or if the index would miss matches. */
async function askIndex(database: Database, filter: Searched, page: Page, owner: Owner): Promise<Found | undefined> {
  const seen = await look(database, wordsOf(filter.q), filter, owner)
  if (seen.all || seen.rare.length === 0 || seen.rare.some(({ partial }) => partial)) return undefined
  const [found] = await byIndex(
    database,
    (sql) => sql<{ candidates: number; matches: number; ids: number[] }[]>`
      with candidates as materialized ${narrowed(sql, seen, filter, owner, COUNTED + 1)},
      matches as materialized (select id from candidates u where true ${searchedIn(sql, filter, knownIn(seen))})
      select (select count(*) from candidates) as candidates, (select count(*) from matches) as matches,
        array(select id from matches where true ${pageOf(sql, page)}) as ids`,
  )
  const { candidates, matches, ids } = found!
  return { ids, total: { count: Math.min(matches, COUNTED), exact: candidates <= COUNTED } }
}
