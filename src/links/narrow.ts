// Finds the few matches of a search among many links, at a cost that does not grow with their number. A look at the newest links shows which words
// are rare, and the index is queried for those alone. A word of most links would cost 30 ms per million links and trigram there, and exclude hardly
// any.
import { unavailable } from '../base/problem.ts'
import { tookTooLong } from '../database/database-unreachable.ts'
import type { Database, Sql } from '../database/guard.ts'
import type { Owner } from '../database/ownership.ts'
import type { LinkFilter } from './filter.ts'
import { hasPiece, type Piece, piecesOf } from './searched.ts'
import { narrowedIn } from './select.ts'

/** Links that a look reads, in 2 ms; in the embedded database 4. */
export const LOOKED_AT = 1_000
/** A word in more links than this share narrows nothing. */
const COMMON = 0.4
const MAX_PIECES = 4
const MAX_COUNTED = 10

/** `rare`: the pieces to ask the index for; none if it cannot help. `all`: there are no other links than those looked at. */
export type Look = { all: boolean; rare: Piece[] }

/** The newest links that pass the filters, apart from the search. */
export const newest = (sql: Sql, filter: LinkFilter, owner: Owner, limit: number) =>
  sql`(select u.* from urls u where ${narrowedIn(sql, filter, owner)} order by u.id desc limit ${limit})`

/** Looks how common the words are. */
export async function look(database: Database, words: string[], filter: LinkFilter, owner: Owner): Promise<Look> {
  const pieces = piecesOf(words).slice(0, MAX_COUNTED)
  const [seen] = await byIndex(
    database,
    (sql) => sql<{ links: number; counts: number[]; indexed: boolean; ascii: boolean }[]>`
      select count(*) as links, array[${counts(sql, pieces)}]::int[] as counts, to_regclass('urls_search') is not null as indexed,
        (select datctype in ('C', 'POSIX') from pg_database where datname = current_database()) as ascii
      from ${newest(sql, filter, owner, LOOKED_AT)} u`,
  )
  const { links, counts: found, indexed, ascii } = seen!
  const known = ascii ? piecesOf(words, ascii) : pieces // without a locale, pg_trgm knows no other letters
  const rare = known
    .map((piece) => ({ piece, found: found[pieces.findIndex(({ text }) => text === piece.text)] ?? 0 }))
    .filter(({ found }) => found < COMMON * links)
    .sort((a, b) => a.found - b.found)
    .slice(0, MAX_PIECES)
    .map(({ piece }) => piece)
  return { all: links < LOOKED_AT, rare: indexed ? rare : [] }
}

const counts = (sql: Sql, pieces: Piece[]) =>
  pieces.reduce(
    (list, piece, at) => sql`${list}${at > 0 ? sql`,` : sql``} count(*) filter (where ${hasPiece(sql, piece)})`,
    sql``,
  )

/**
 * The links that have the rare pieces, at most `limit`: from the index, if `work` runs by `byIndex`. The limit is outside of `source`: PostgreSQL
 * stops reading there, but a plan that knew the limit would rather filter links in another order.
 */
export const narrowed = (sql: Sql, { rare }: Look, filter: LinkFilter, owner: Owner, limit: number) => sql`(
  with source as materialized (
    select u.* from urls u where ${narrowedIn(sql, filter, owner)} ${rare.map((piece) => sql`and ${hasPiece(sql, piece)}`)})
  select * from source limit ${limit})`

/** The words that narrowed links certainly have. */
export const knownIn = ({ rare }: Look) => rare.flatMap(({ text, word, partial }) => (word && !partial ? [text] : []))

/**
 * Runs the statements of a search: PostgreSQL uses the index, although it takes two letters for frequent, and compiles no plan, which takes longer than
 * the search. 503 if one takes too long. The embedded database cannot cancel a statement, so what each reads is bounded, too.
 */
export const byIndex = <T>(database: Database, work: (sql: Sql) => PromiseLike<T>): Promise<T> =>
  database
    .transaction(async (sql) => {
      const [, result] = await Promise.all([sql.unsafe(PLANNER).simple().execute(), work(sql as unknown as Sql)]) // sent together
      return result
    })
    .catch((error) => {
      throw tookTooLong(error) ? unavailable('the search took too long: try again, with rarer words or a filter', error) : error
    })

/** ms for one statement. A search takes some 50. */
const WITHIN = 2_000

const PLANNER = `set local enable_seqscan to off; set local jit to off; set local plan_cache_mode to force_custom_plan; set local statement_timeout to ${WITHIN}`
