// Stores staged events.
import type { Transaction } from '../database/guard.ts'
import { type BadRow, badRows } from './bad-rows.ts'
import { countClicks } from './clicks.ts'
import type { Chunk, Load } from './source.ts'
import { followUsers, unknownUsers } from './staging.ts'

export async function storeEvents(sql: Transaction, load: Load) {
  for (const chunk of load.chunks) await followLinks(sql, load, chunk)
  for (const chunk of load.chunks) await followUsers(sql, load, chunk)
  for (const chunk of load.chunks) await leaveOutPurged(sql, load, chunk)
  for (const chunk of load.chunks) await refuseUnknown(sql, load, chunk)
  for (const chunk of load.chunks) await findByContent(sql, load, chunk)
  const [highest] = await sql<{ id: number }[]>`
    select greatest((select max(id) from events_imported), (select max(id) from ${sql(load.staging)}), 0) as id`
  for (const chunk of load.chunks) await giveIds(sql, load, chunk, highest!.id)
  for (const chunk of load.chunks) await insert(sql, load, chunk)
  await countClicks(sql, load.staging)
}

/** A link of the same import may have received another id. */
const followLinks = async (sql: Transaction, { staging, links }: Load, [after, upTo]: Chunk) =>
  links &&
  sql`
  update ${sql(staging)} s set url_id = l.id
  from ${sql(links)} l
  where s.line > ${after} and s.line <= ${upTo}
    and l.file_id = s.url_id and l.id <> l.file_id`

const leaveOutPurged = (sql: Transaction, { staging }: Load, [after, upTo]: Chunk) => sql`
  update ${sql(staging)} s set id = null, there = true
  from urls u
  where s.line > ${after} and s.line <= ${upTo} and u.id = s.url_id and u.purged_at is not null`

async function refuseUnknown(sql: Transaction, load: Load, chunk: Chunk) {
  const [after, upTo] = chunk
  const unknown = await sql<BadRow[]>`
    select line, 'url_id' as column, format('must be the id of a link: %s does not exist', url_id) as message
    from ${sql(load.staging)} s
    where line > ${after} and line <= ${upTo} and not there and url_id is not null
      and not exists (select from urls u where u.id = s.url_id and u.alias_of is null)
    union all ${unknownUsers(sql, load, chunk)}
    order by line limit 20`
  if (unknown.length > 0) throw badRows(unknown)
}

/** The nth row with some content matches the nth imported event with the same content that no other row matches. */
const findByContent = (sql: Transaction, { staging }: Load, [after, upTo]: Chunk) => sql`
  with wanted as (
    select line, coalesce(url_id, 0) as link, coalesce(user_id, 0) as actor, event_type, timestamp, details,
      row_number() over (partition by url_id, user_id, event_type, timestamp, details order by line) as nth
    from ${sql(staging)}
    where line > ${after} and line <= ${upTo} and not there),
  found as (
    select id, coalesce(url_id, 0) as link, coalesce(user_id, 0) as actor, event_type, timestamp, details,
      row_number() over (partition by url_id, user_id, event_type, timestamp, details order by id) as nth
    from events_imported e
    where timestamp in (select timestamp from wanted)
      and (exists (select from ${sql(staging)} s where s.id = e.id and s.there)) is false)
  update ${sql(staging)} s set id = pair.id, there = true
  from (
    select max(line) as line, max(id) as id
    from (
      select line, null::bigint as id, timestamp, link, actor, event_type, details, nth from wanted
      union all
      select null, id, timestamp, link, actor, event_type, details, nth from found) as both_sides
    group by timestamp, link, actor, event_type, details, nth
    having count(*) = 2) as pair
  where s.line = pair.line`

/** Gives ids to rows whose id is taken and to rows without one; leaves gaps. */
const giveIds = (sql: Transaction, { staging }: Load, [after, upTo]: Chunk, highest: number) => sql`
  update ${sql(staging)} s set id = ${highest}::bigint + line
  where line > ${after} and line <= ${upTo} and not there
    and (id is null or exists (select from events_imported e where e.id = s.id))`

const insert = (sql: Transaction, { staging }: Load, [after, upTo]: Chunk) => sql`
  insert into events (id, url_id, user_id, event_type, timestamp, details)
  select id, url_id, user_id, event_type, timestamp, details from ${sql(staging)}
  where line > ${after} and line <= ${upTo} and not there
  order by line`
