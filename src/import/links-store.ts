// Stores staged links.
import { LOWER_ALPHABET } from '../base/code.ts'
import type { Transaction } from '../database/guard.ts'
import { liveLinks } from '../database/ownership.ts'
import { notYet, outdatedReplica } from '../fleet/outdated.ts'
import { generateCode } from '../links/code.ts'
import { IMPORTED, RULES } from '../links/columns.ts'
import { type BadRow, badRows } from './bad-rows.ts'
import { storeAliases } from './link-aliases.ts'
import type { Chunk, Load } from './source.ts'
import { followUsers, giveIds, moveSequence, unknownUsers } from './staging.ts'

export async function storeLinks(sql: Transaction, load: Load) {
  const { staging, chunks } = load
  await refuseRules(sql, load)
  for (const chunk of chunks) await followUsers(sql, load, chunk)
  for (const chunk of chunks) await findByCode(sql, load, chunk)
  const [made] = await sql`select from ${sql(staging)} where made limit 1`
  if (made) {
    await findByContent(sql, load)
    await remakeCodes(sql, load)
  }
  for (const chunk of chunks) await refuseTaken(sql, load, chunk)
  for (const chunk of chunks) await refuseUnknownUsers(sql, load, chunk)
  await moveSequence(sql, load)
  for (const chunk of chunks) await giveIds(sql, load, chunk, isReferred(sql, load))
  for (const chunk of chunks) await insert(sql, load, chunk)
  await sql`
    update ${sql(staging)} s set id = first.id from ${sql(staging)} first
    where s.repeats is not null and first.line = s.repeats`
  for (const chunk of chunks) await storeAliases(sql, staging, chunk)
}

/** Refuses rules while a replica of an earlier release would ignore them. */
async function refuseRules(sql: Transaction, { staging }: Load) {
  const old = await outdatedReplica(sql)
  if (!old) return
  const rows = await sql<BadRow[]>`
    select line, rule.key as column, ${notYet(old)} as message
    from ${sql(staging)} s, lateral jsonb_each_text(to_jsonb(s)) as rule
    where rule.key = any(${[...RULES, 'aliases']}) and rule.value <> 'false' order by line limit 20`
  if (rows.length > 0) throw badRows(rows)
}

const findByCode = (sql: Transaction, { staging }: Load, [after, upTo]: Chunk) => sql`
  update ${sql(staging)} s set id = coalesce(u.alias_of, u.id), there = true
  from urls u
  where s.line > ${after} and s.line <= ${upTo} and not s.made and s.repeats is null
    and u.short_code = s.short_code and (u.original_url = s.original_url or coalesce(u.alias_of, u.id) = s.file_id)`

/**
 * Rows without a code match the link with the same id and target; else the nth row with some content matches the nth such link that no
 * other row matches.
 */
async function findByContent(sql: Transaction, { staging }: Load) {
  await sql`
    update ${sql(staging)} s set there = true
    from urls u
    where s.made and u.id = s.file_id and u.alias_of is null and u.original_url = s.original_url`
  for (const timed of [true, false])
    await sql`
      with wanted as (
        select line, original_url, coalesce(title, '') as title, coalesce(user_id, 0) as owner, coalesce(created_at, '-infinity') as at,
          row_number() over (partition by original_url, title, user_id, created_at order by line) as nth
        from ${sql(staging)}
        where made and not there and (created_at is not null) = ${timed}),
      found as (
        select id, original_url, title, owner, at, row_number() over (partition by original_url, title, owner, at order by id) as nth
        from (
          select id, original_url, coalesce(title, '') as title, coalesce(user_id, 0) as owner,
            ${timed ? sql`created_at` : sql`'-infinity'::timestamptz`} as at
          from urls where ${liveLinks(sql, undefined)}) as u
        where (original_url, title, owner, at) in (select original_url, title, owner, at from wanted)
          and (exists (select from ${sql(staging)} s where s.id = u.id and s.there)) is false)
      update ${sql(staging)} s set id = pair.id, there = true
      from (
        select max(line) as line, max(id) as id
        from (
          select line, null::bigint as id, original_url, title, owner, at, nth from wanted
          union all
          select null, id, original_url, title, owner, at, nth from found) as both_sides
        group by original_url, title, owner, at, nth
        having count(*) = 2) as pair
      where s.line = pair.line`
}

const TRIES = 5
const REMADE_CODE_LENGTH = 8

/** A code generated for a row may be taken by now: generates new ones for those rows, up to 5 times. */
async function remakeCodes(sql: Transaction, { staging, recode }: Load) {
  let lines = recode
  for (let attempt = 0; attempt < TRIES; attempt++) {
    for (const line of lines)
      await sql`update ${sql(staging)} set short_code = ${generateCode(REMADE_CODE_LENGTH, LOWER_ALPHABET)} where line = ${line}`
    const taken = await sql<{ line: number }[]>`
      select line from ${sql(staging)} s join urls using (short_code) where s.made and not s.there`
    if (taken.length === 0) return
    lines = taken.map(({ line }) => line)
  }
}

async function refuseTaken(sql: Transaction, { staging }: Load, [after, upTo]: Chunk) {
  const taken = await sql<BadRow[]>`
    select line, 'short_code' as column, case when u.deleted_at is null then 'is taken by another link' else 'is taken by a deleted link' end as message
    from ${sql(staging)} s join urls u using (short_code)
    where s.line > ${after} and s.line <= ${upTo} and not s.there and s.repeats is null
    order by line limit 20`
  if (taken.length > 0) throw badRows(taken)
}

async function refuseUnknownUsers(sql: Transaction, load: Load, chunk: Chunk) {
  const unknown = await sql<BadRow[]>`${unknownUsers(sql, load, chunk)} order by line limit 20`
  if (unknown.length > 0) throw badRows(unknown)
}

/** Rows whose id is needed before they are inserted. */
const isReferred = (sql: Transaction, { staging }: Load) => sql`
  and repeats is null
  and (s.id is not null or s.aliases is not null or line in (select repeats from ${sql(staging)} where repeats is not null))`

const WRITTEN = [...IMPORTED, 'location']
/** Defaults for columns that the file leaves out. */
const MISSING: Record<string, string> = {
  id: "coalesce(id, nextval('urls_id_seq'))",
  created_at: 'coalesce(created_at, now())',
  updated_at: 'coalesce(updated_at, created_at, now())',
  forward_path: 'coalesce(forward_path, false)',
  confirm: 'coalesce(confirm, false)',
  tags: "coalesce(tags, '{}')",
}

const insert = async (sql: Transaction, { staging, by }: Load, [after, upTo]: Chunk) => {
  const links = sql`
    insert into urls (${sql.unsafe(WRITTEN.join(', '))})
    select ${sql.unsafe(WRITTEN.map((name) => MISSING[name] ?? name).join(', '))}
    from ${sql(staging)}
    where line > ${after} and line <= ${upTo} and not there and repeats is null
    order by line`
  if (!by) return links
  // For a caller, each link also gets an `imported` event.
  return sql`
    with link as (${links} returning id, user_id, short_code, original_url),
    moved as materialized (select next_event_id() where exists (select from link))
    insert into events (id, url_id, user_id, event_type, timestamp, details)
    select nextval('event_ids'), id, user_id, 'imported', now(),
      jsonb_build_object('short_code', short_code, 'original_url', original_url) || ${sql.json(by)}::jsonb from link cross join moved`
}
