// Changes and deletes many links, in chunks of one statement each: nobody waits for long, and a repeated request does the rest.
import type { Database, Fragment, Sql } from '../database/guard.ts'
import type { Owner } from '../database/ownership.ts'
import { portionUpTo } from '../database/portion.ts'
import type { By } from '../http/principal.ts'
import { type Target, targetColumns } from '../redirect/target.ts'
import { aliasTargets, isAliased } from './aliases/store.ts'
import { changing, comparing, deleting } from './changing.ts'
import type { LinkFilter } from './filter.ts'
import type { Change } from './given.ts'
import type { Outcome } from './schema.ts'
import { whereOf } from './select.ts'
import { walkLinks } from './walk.ts'

/** Links of one statement at most; some 50 ms. */
const CHUNK = 500
/** statement_timeout is 10 s. With a shorter deadline, a chunk might be committed without being counted. */
const DEADLINE = 12_000

export type Which = { ids: number[] } | { filter: LinkFilter }

type Done = Outcome & { targets: Target[]; aliased: boolean }

/** A statement that handles the links in the table expression `matching`, which has locked them, and returns one row. */
type Statement = (sql: Sql) => Fragment

/** Changes links; `dry` only counts those that would change. */
export const changeOf =
  (change: Change, by: By, dry: boolean): Statement =>
  (sql) =>
    sql`
    old as (select * from matching where ${fits(sql, change)}),
    ${dry ? comparing(sql, change) : changing(sql, change, by)}
    select (select count(*) from matching) as matched, (select count(distinct id) from changes) as changed,
      (select count(*) from matching) - (select count(*) from old) as refused, ${dry ? nothing(sql) : targetsOf(sql, sql`updated`)}`

/** Deletes links. */
export const deletionOf =
  (reason: string, by: By, dry: boolean): Statement =>
  (sql) =>
    sql`
    old as (select id from matching) ${dry ? sql`` : sql`, ${deleting(sql, reason, by)}`}
    select (select count(*) from matching) as matched, (select count(*) from old) as changed, 0 as refused,
      ${dry ? nothing(sql) : targetsOf(sql, sql`deleted`)}`

/**
 * Runs the statement on all matching links of the caller, chunk by chunk in order of id. A chunk that fails or is slow makes the next ones
 * smaller. Calls `changed` when a chunk is committed, and yields after each. Returns the sums.
 */
export async function* inBulk(
  database: Database,
  which: Which,
  owner: Owner,
  statement: Statement,
  changed: (targets: Target[]) => void,
): AsyncGenerator<void, Outcome> {
  const sum = { matched: 0, changed: 0, refused: 0 }
  const portion = portionUpTo(CHUNK)
  const filter = 'filter' in which ? which.filter : {}
  for await (const ids of idsOf(database, which, owner)) {
    for (let from = 0; from < ids.length; ) {
      const chunk = ids.slice(from, from + portion.size())
      const started = performance.now()
      try {
        const done = await handle(database, chunk, filter, owner, statement)
        portion.done(chunk.length, performance.now() - started)
        const aliases = done.aliased ? await aliasTargets(database, chunk) : []
        if (done.targets.length > 0) changed([...done.targets, ...aliases])
        for (const key of ['matched', 'changed', 'refused'] as const) sum[key] += done[key]
        from += chunk.length
      } catch (error) {
        if (!portion.failed(error, chunk.length)) throw error
      }
      yield
    }
    yield
  }
  return sum
}

async function* idsOf(database: Database, which: Which, owner: Owner): AsyncGenerator<number[], void> {
  if ('ids' in which) yield [...new Set(which.ids)].sort((a, b) => a - b)
  else for await (const links of walkLinks(database, which.filter, owner)) yield links.map(({ id }) => id)
}

/** The filter is checked again under the lock: a link may have changed since its id was read. */
async function handle(database: Database, ids: number[], filter: LinkFilter, owner: Owner, statement: Statement): Promise<Done> {
  const [row] = await database.run(
    (sql) => sql<Done[]>`
      with matching as materialized (
        select u.* from urls u ${whereOf(sql, filter, owner)} and u.id = any(${ids}::bigint[]) order by u.id for update),
      ${statement(sql)}`,
    DEADLINE,
  )
  return row!
}

/** Whether valid_until stays after valid_from. Unlike for a single link, the opposite is not an error of the caller. */
const fits = (sql: Sql, { valid_from, valid_until }: Change) => sql`
  (${valid_until === undefined ? sql`valid_until` : sql`${valid_until}::timestamptz`}
    > ${valid_from === undefined ? sql`valid_from` : sql`${valid_from}::timestamptz`}) is not false`

const targetsOf = (sql: Sql, links: Fragment) => sql`
  (select coalesce(json_agg(target), '[]') from (select ${targetColumns(sql)} from ${links} u) as target) as targets,
  exists (select from ${links} u where ${isAliased(sql)}) as aliased`

const nothing = (sql: Sql) => sql`'[]'::json as targets, false as aliased`
