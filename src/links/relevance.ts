// Links by relevance: an exact code, then codes that begin with the search, then titles, then targets. It ranks a bounded number of candidates, so it
// takes no longer with a million links; if more links match, it ranks some of them.
import { LONGEST_CODE } from '../base/code.ts'
import type { Database, Sql } from '../database/guard.ts'
import type { Owner } from '../database/ownership.ts'
import type { Page, Total } from '../database/paging.ts'
import type { LinkFilter } from './filter.ts'
import type { Searched } from './matches.ts'
import { byIndex, knownIn, LOOKED_AT, type Look, look, narrowed, newest } from './narrow.ts'
import { begins, contains, wordsOf } from './searched.ts'
import { indexedIn, linksOf, searchedIn } from './select.ts'
import type { Listed } from './store.ts'

const CANDIDATES = 5_000
/** Links read, newest first, if the index cannot narrow a search: 20 ms. */
const SCANNED = 12_500
const CODES = 200

/**
 * A page of the links that match `filter.q`, the most relevant first, those of equal relevance by id. The total is inexact if there may be more matches
 * than candidates.
 */
export async function rankedLinks(
  database: Database,
  filter: Searched,
  { size, offset, descending }: Page,
  owner: Owner,
): Promise<Listed> {
  const search = searchOf(filter.q)
  const seen = await look(database, search.words, filter, owner)
  const ranked = await byIndex(database, async (sql) => {
    const [found] = await sql<Found[]>`
      with candidates as materialized ${candidates(sql, seen, filter, owner)},
      matches as materialized (select * from candidates u where true ${searchedIn(sql, filter, knownIn(seen))} limit ${CANDIDATES + 1}),
      recent as (select * from ${newest(sql, filter, owner, LOOKED_AT)} u where true ${searchedIn(sql, filter)}),
      named as (
        select * from ${named(sql, search)} u where ${indexedIn(sql, filter, owner)} ${searchedIn(sql, { ...filter, q: undefined })}),
      found as (
        select id, min(${rank(sql, search)}) as rank
        from (select * from matches union all select * from recent union all select * from named) u group by id)
      select (select count(*) from candidates) as candidates, (select count(*) from matches) as matches, (select count(*) from found) as total,
        array(select id from found order by rank, id ${descending ? sql`desc` : sql``} limit ${size} offset ${offset}) as ids`
    return found!
  })
  return { rows: await linksOf(database, ranked.ids), total: totalOf(ranked, seen) }
}

type Found = { candidates: number; matches: number; total: number; ids: number[] }

function totalOf({ candidates, matches, total }: Found, { all, rare }: Look): Total {
  const limit = rare.length > 0 ? CANDIDATES : SCANNED
  const complete = all || (candidates <= limit && matches <= CANDIDATES && !rare.some(({ partial }) => partial))
  return { count: Math.min(total, CANDIDATES), exact: complete && total <= CANDIDATES }
}

const candidates = (sql: Sql, seen: Look, filter: LinkFilter, owner: Owner) =>
  seen.all
    ? sql`(select * from urls where false)` // the newest are all
    : seen.rare.length > 0
      ? narrowed(sql, seen, filter, owner, CANDIDATES + 1)
      : newest(sql, filter, owner, SCANNED + 1)

/** `codes`: codes that the whole search may mean; `prefix`: a possible beginning of a code. */
type Search = { words: string[]; codes: string[]; prefix: string | undefined }

function searchOf(q: string): Search {
  const text = q.trim()
  const code = /^\/?(.*?)[+/]?$/s.exec(text)![1]! // copied from a link, with a slash before it, or with the + of its preview
  return { words: wordsOf(q), codes: [...new Set([text, code])], prefix: code === '' || /\s/.test(code) ? undefined : code }
}

function rank(sql: Sql, { words, codes, prefix }: Search) {
  const inTitle = (condition: typeof contains) =>
    words.map((word, at) => sql`${at > 0 ? sql`and` : sql``} ${condition(sql, sql`u.title`, word)}`)
  return sql`case
    when u.id = any(${idsOf(sql, codes)}) then 0
    when ${lowerCode(sql)} = any(${codes.map(lower)}::text[]) then 1
    ${prefix === undefined ? sql`` : sql`when starts_with(${lowerCode(sql)}, ${lower(prefix)}) then 2`}
    when ${inTitle(contains)} then case when ${inTitle(begins)} then 3 else 4 end
    else 5 end`
}

/** Links by their codes, however many others match: exact ones, and some that begin like the search. */
function named(sql: Sql, { codes, prefix }: Search) {
  const exact = sql`select u.* from urls u where u.id = any(${idsOf(sql, codes)})`
  if (prefix === undefined) return sql`(${exact})`
  const spellings = [...new Set([prefix, lower(prefix), prefix.toUpperCase(), capital(prefix)])]
  return sql`(${exact}
    ${spellings.map(
      (spelling) => sql`union all select * from (
        select u.* from urls u where u.short_code between ${spelling} and ${spelling + LAST} order by u.short_code limit ${CODES}) u
        where starts_with(${lowerCode(sql)}, ${lower(prefix)})`,
    )})`
}

/** The links with these codes, also as aliases. */
const idsOf = (sql: Sql, codes: string[]) =>
  sql`array(select coalesce(a.alias_of, a.id) from urls a where a.short_code = any(${codes}::text[]) and a.deleted_at is null)`

/** Sorts after every continuation of a code in most collations. In others only the index of the text finds such codes. */
const LAST = 'z'.repeat(LONGEST_CODE)

const lowerCode = (sql: Sql) => sql`lower(u.short_code collate "C")`
const lower = (text: string) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1).toLowerCase()
