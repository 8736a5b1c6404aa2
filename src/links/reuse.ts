// Finds a link that does what a new one would do.
import type { Sql, Transaction } from '../database/guard.ts'
import { liveLinks } from '../database/ownership.ts'
import { type Aliased, aliasCodes } from './aliases/store.ts'
import { GIVEN, jsonOf, RULES } from './columns.ts'
import type { Draft } from './creation.ts'
import { select } from './select.ts'

/** Of one owner's links to one target, only so many of the newest are compared. */
const COMPARED = 1_000

/** The columns that decide what a visit gets. Other columns are compared only if they are given. */
const ALWAYS: readonly string[] = ['is_active', ...RULES]

/** Tags are compared in any order, and only if the new link gives some. */
const HAS_TAGS = `(wanted.tags = '{}' or u.tags @> wanted.tags and wanted.tags @> u.tags)`

/**
 * The newest link of the same owner and target that does the same; undefined if there is none. Until the transaction ends, no other caller
 * of this finds or creates a link of that owner to that target.
 */
export async function findSame(transaction: Transaction, draft: Omit<Draft, 'short_code' | 'by'>): Promise<Aliased | undefined> {
  const sql = transaction as unknown as Sql
  const { original_url, user_id = null } = draft
  await sql`select pg_advisory_xact_lock(hashtextextended(${`reuse ${user_id} ${original_url}`}, 0))`
  const given = GIVEN.filter((name) => ALWAYS.includes(name) || draft[name as keyof typeof draft] != null)
  const same = given.map((name) => (name === 'tags' ? HAS_TAGS : `u.${name} is not distinct from wanted.${name}`)).join(' and ')
  const [found] = await sql<Aliased[]>`
    ${select(
      sql,
      sql`(
      select * from urls
      where ${liveLinks(sql, undefined)} and hashtextextended(original_url, 0) = hashtextextended(${original_url}, 0) and original_url = ${original_url}
        and ${user_id === null ? sql`user_id is null` : sql`user_id = ${user_id}`}
      order by id desc limit ${COMPARED})`,
      sql`, ${aliasCodes(sql)} as aliases`,
    )},
      json_populate_record(null::urls, ${jsonOf(draft, GIVEN)}::text::json) as wanted
    where u.used_up_at is null and ${sql.unsafe(same)}
    order by u.id desc limit 1`
  return found
}
