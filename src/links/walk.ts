// Reads every link that matches a filter, ordered by id, page by page. Each link is read only once, however many pages there are.
import type { Database, Sql } from '../database/guard.ts'
import type { Owner } from '../database/ownership.ts'
import { type Aliased, aliasCodes } from './aliases/store.ts'
import type { LinkFilter } from './filter.ts'
import { fewMatches, isSearch, matchingIds } from './matches.ts'
import { indexedIn, searchedIn, select } from './select.ts'

const PAGE = 1_000
/** Links that one statement scans if few may match: about 20 ms. */
const SCANNED = 4_000

/**
 * Yields pages of at most 4,000 links; some may be empty. No transaction stays open between pages. A search with few matches uses its
 * index once and keeps their ids. With many matches it scans, because the index would run the whole search again for each page.
 */
export async function* walkLinks(database: Database, filter: LinkFilter, owner: Owner): AsyncGenerator<Aliased[], void> {
  const ids = isSearch(filter)
    ? await fewMatches(database, filter, owner)
    : filter.tagged && isIndexed(filter)
      ? await matchingIds(database, filter, owner)
      : undefined
  if (ids) {
    for (let from = 0; from < ids.length; from += PAGE) {
      const some = ids.slice(from, from + PAGE)
      yield await database.run(
        (sql) =>
          sql<Aliased[]>`${aliased(sql)} where ${indexedIn(sql, filter, owner)} and u.id = any(${some}::bigint[]) order by u.id`,
      )
    }
    return
  }
  const size = !isSearch(filter) && !filter.tagged && isIndexed(filter) ? PAGE : SCANNED
  for (let after = 0; ; ) {
    const { rows, last } = await database.run(async (sql) => {
      const indexed = sql`from urls u where ${indexedIn(sql, filter, owner)} and u.id > ${after}`
      const [end] = await sql<{ last: number | null }[]>`
        select max(id) as last from (select u.id ${indexed} order by u.id limit ${size}) as looked_at`
      const last = end!.last
      if (last === null) return { rows: [], last }
      // `offset 0` keeps PostgreSQL from using the search index, which would search all links.
      const among = sql`(select u.* ${indexed} and u.id <= ${last} offset 0)`
      const rows = await sql<Aliased[]>`${aliased(sql, among)} where true ${searchedIn(sql, filter)} order by u.id`
      return { rows: [...rows], last }
    })
    if (last === null) return
    yield rows
    after = last
  }
}

const aliased = (sql: Sql, from = sql`urls`) => select(sql, from, sql`, ${aliasCodes(sql)} as aliases`)

/** Whether the rest of the filter needs no scan. */
const isIndexed = ({ blocked, state }: LinkFilter) => blocked === undefined && state === undefined
