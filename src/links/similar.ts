// Other searches, for one that finds nothing: words that no link has are replaced by similar ones that links have. Frequent ones are among the newest
// links, rare ones are found by their trigrams.
import type { Database, Fragment, Sql } from '../database/guard.ts'
import type { Owner } from '../database/ownership.ts'
import type { LinkFilter } from './filter.ts'
import { byIndex, LOOKED_AT, look, narrowed, newest } from './narrow.ts'
import { contains, searchedText, wordsOf } from './searched.ts'
import { narrowedIn } from './select.ts'
import { type Counted, nearest } from './spelling.ts'

const MAX_SUGGESTIONS = 3
/** Words that are replaced in one search. */
const MAX_REPLACED = 2
/** A shorter word is similar to too many. */
const SHORTEST = 3
/** Links found by trigrams. */
const ALIKE = 200
/** Words compared, the most frequent first. */
const COMPARED = 500

/** At most three searches like this one that find something; none if each of its words is found. */
export async function similarSearches(database: Database, q: string, filter: LinkFilter, owner: Owner): Promise<string[]> {
  const words = wordsOf(q)
  const unknown: string[] = []
  for (const word of await unseen(database, words, filter, owner))
    if (!(await isFound(database, [word], filter, owner))) unknown.push(word)
  if (unknown.length === 0 || unknown.length > MAX_REPLACED || unknown.some((word) => word.length < SHORTEST)) return []
  const recent = await byIndex(database, (sql) => wordsAmong(sql, newest(sql, filter, owner, LOOKED_AT), unknown))
  const similar = new Map<string, string[]>()
  for (const word of unknown) {
    const near = nearest(word, recent)
    similar.set(word, near.length > 0 ? near : nearest(word, await wordsAlike(database, word, filter, owner)))
  }
  const suggested: string[] = []
  for (let at = 0; at < MAX_SUGGESTIONS && unknown.every((word) => similar.get(word)![at] !== undefined); at++) {
    const search = words.map((word) => similar.get(word)?.[at] ?? word)
    if (words.length === 1 || (await isFound(database, search, filter, owner))) suggested.push(inOrder(q, words, search))
  }
  return suggested
}

/** The search with its words replaced. */
const inOrder = (q: string, words: string[], by: string[]) =>
  q
    .trim()
    .split(/\s+/)
    .map((word) => by[words.indexOf(word)] ?? word)
    .join(' ')

/** The words that the newest links do not have. */
async function unseen(database: Database, words: string[], filter: LinkFilter, owner: Owner): Promise<string[]> {
  const [seen] = await byIndex(
    database,
    (sql) => sql<{ has: (boolean | null)[] }[]>`
      select array[${words.map((word, at) => sql`${at > 0 ? sql`,` : sql``} bool_or(${contains(sql, searchedText(sql), word)})`)}] as has
      from ${newest(sql, filter, owner, LOOKED_AT)} u`,
  )
  return words.filter((_, at) => !seen!.has[at])
}

/** Whether some link has all words, as far as the index or the newest links tell. */
async function isFound(database: Database, words: string[], filter: LinkFilter, owner: Owner): Promise<boolean> {
  const seen = await look(database, words, filter, owner)
  const links = (sql: Sql) =>
    seen.all || seen.rare.length === 0 ? newest(sql, filter, owner, LOOKED_AT) : narrowed(sql, seen, filter, owner, ALIKE)
  const [row] = await byIndex(
    database,
    (sql) => sql<{ found: boolean }[]>`
      select exists(select from ${links(sql)} u where
        ${words.map((word, at) => sql`${at > 0 ? sql`and` : sql``} ${contains(sql, searchedText(sql), word)}`)}) as found`,
  )
  return row!.found
}

/** The words of links that have one with about half of the trigrams of this one. */
async function wordsAlike(database: Database, word: string, filter: LinkFilter, owner: Owner): Promise<Counted[]> {
  const [extension] = await database.run(
    (sql) => sql<{ schema: string }[]>`
      select quote_ident(n.nspname) as schema from pg_extension e join pg_namespace n on n.oid = e.extnamespace
      where e.extname = 'pg_trgm' and to_regclass('urls_search') is not null`,
  )
  if (!extension) return []
  return byIndex(database, async (sql) => {
    await sql`select set_config('pg_trgm.word_similarity_threshold', '0.4', true)`
    const similar = sql`${searchedText(sql)} ${sql.unsafe(`operator(${extension.schema}.%>)`)} ${word}`
    // The filters come after the limit: a user's links would else be compared one by one.
    const alike = sql`(select u.* from urls u where u.deleted_at is null and ${similar} limit ${ALIKE})`
    return wordsAmong(sql, sql`(select * from ${alike} u where ${narrowedIn(sql, filter, owner)})`, [word])
  })
}

/** The words of `links` about as long as one of these, the most frequent first. A code is a word, too. */
function wordsAmong(sql: Sql, links: Fragment, words: string[]) {
  const lengths = words.map((word) => [...word].length)
  return sql<Counted[]>`
    select word, count(*) as links
    from ${links} u, unnest(regexp_split_to_array(${searchedText(sql)}, '[^[:alnum:]]+') || u.short_code) word
    where length(word) between ${Math.min(...lengths) - 2} and ${Math.max(...lengths) + 2}
    group by word order by links desc limit ${COMPARED}`
}
