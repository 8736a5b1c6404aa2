// Stores staged users.
import type { Transaction } from '../database/guard.ts'
import type { Chunk, Load } from './source.ts'
import { giveIds, moveSequence } from './staging.ts'

export async function storeUsers(sql: Transaction, load: Load) {
  for (const chunk of load.chunks) await findById(sql, load, chunk)
  for (const chunk of load.chunks) await findByContent(sql, load, chunk)
  await moveSequence(sql, load)
  for (const chunk of load.chunks) await giveIds(sql, load, chunk)
  for (const chunk of load.chunks) await insert(sql, load, chunk)
}

const findById = (sql: Transaction, { staging }: Load, [after, upTo]: Chunk) => sql`
  update ${sql(staging)} s set there = true
  from users u
  where s.line > ${after} and s.line <= ${upTo} and u.id = s.id
    and (u.username = s.username or uncased(u.email) = uncased(s.email) or u.created_at = s.created_at)`

/** The nth row with some content matches the nth such user that no other row matches. A row without a time matches any time. */
// The planner has no statistics for rows that were just marked, and a nested loop over them would be quadratic. `is false` avoids the
// join that `not exists` would become, and both sides are grouped instead of joined. The same applies to links and events.
async function findByContent(sql: Transaction, { staging }: Load, [after, upTo]: Chunk) {
  for (const timed of [true, false])
    await sql`
      with wanted as (
        select line, username, email, coalesce(created_at, '-infinity') as at,
          row_number() over (partition by username, email, created_at order by line) as nth
        from ${sql(staging)}
        where line > ${after} and line <= ${upTo} and not there and (created_at is not null) = ${timed}),
      found as (
        select id, username, email, at, row_number() over (partition by username, email, at order by id) as nth
        from (select id, username, email, ${timed ? sql`created_at` : sql`'-infinity'::timestamptz`} as at from users) as u
        where (username, email, at) in (select username, email, at from wanted)
          and (exists (select from ${sql(staging)} s where s.id = u.id and s.there)) is false)
      update ${sql(staging)} s set id = pair.id, there = true
      from (
        select max(line) as line, max(id) as id
        from (
          select line, null::bigint as id, username, email, at, nth from wanted
          union all
          select null, id, username, email, at, nth from found) as both_sides
        group by username, email, at, nth
        having count(*) = 2) as pair
      where s.line = pair.line`
}

const insert = (sql: Transaction, { staging }: Load, [after, upTo]: Chunk) => sql`
  insert into users (id, username, email, created_at)
  select id, username, email, coalesce(created_at, now()) from ${sql(staging)}
  where line > ${after} and line <= ${upTo} and not there
  order by line`
