import type { Database, Transaction } from '../database/guard.ts'
import { NewEvent } from '../events/schema.ts'
import { id, jsonObject, optional, required, text, time } from './cells.ts'
import { type BadRow, badRows, readRows } from './csv.ts'
import { importFile, type Load, type Progress, type Source } from './load.ts'

const columns = {
  id: optional(id),
  url_id: optional(id),
  user_id: optional(id),
  event_type: required(text(NewEvent.properties.event_type)),
  timestamp: required(time),
  details: optional(jsonObject),
}

/**
 * Imports an events.csv; clicks count in totals, series and referrers. Equal rows are equal events, and as many as were imported before
 * are already there. Ids are kept where they are free and below 2^48. Events of purged links are left out: they were erased.
 */
export const importEvents = (database: Database, file: Uint8Array, progress?: Progress) =>
  importFile(database, eventSource, file, progress)

export const eventSource: Source = { file: 'events.csv', table: 'events', staging: 'import_events', read, store }

// The partition of imported events ends over twice as far, at event_id_at('2025-01-01'): room for those whose id is not kept.
const MAX_KEPT_ID = 2 ** 48

async function read(file: Uint8Array) {
  const ids = new Set<number>()
  const rows = await readRows(file, columns)
  return rows.map(({ id, details, ...row }) => {
    const kept = id !== null && id < MAX_KEPT_ID && !ids.has(id) ? id : null
    if (kept !== null) ids.add(kept)
    const referrer = row.event_type === 'click' && details ? hostOf(details.referrer ?? details.referer) : null
    return { ...row, id: kept, details: details ?? {}, referrer, there: false }
  })
}

/** The host of a referrer, which is a URL or the host alone. */
function hostOf(referrer: unknown): string | null {
  if (typeof referrer !== 'string') return null
  const url = URL.parse(referrer)?.hostname ? URL.parse(referrer) : URL.parse(`http://${referrer}`)
  return url?.hostname.slice(0, 256) || null
}

async function store(sql: Transaction, load: Load) {
  for (const chunk of load.chunks) await followLinks(sql, load.id, chunk)
  for (const chunk of load.chunks) await followUsers(sql, load.id, chunk)
  for (const chunk of load.chunks) await leaveOutPurged(sql, load.id, chunk)
  for (const chunk of load.chunks) await refuseUnknown(sql, load.id, chunk)
  for (const chunk of load.chunks) await findByContent(sql, load.id, chunk)
  const [highest] = await sql<{ id: number }[]>`
    select greatest((select max(id) from events_imported), (select max(id) from import_events where import_id = ${load.id}), 0) as id`
  for (const chunk of load.chunks) await giveIds(sql, load.id, chunk, highest!.id)
  for (const chunk of load.chunks) await insert(sql, load.id, chunk)
  await countClicks(sql, load.id)
}

type Chunk = Load['chunks'][number]

/** A link of the same import may have got another id, and so may a user. */
const followLinks = (sql: Transaction, importId: number, [after, upTo]: Chunk) => sql`
  update import_events s set url_id = l.id
  from import_links l
  where s.import_id = ${importId} and s.line > ${after} and s.line <= ${upTo}
    and l.import_id = ${importId} and l.file_id = s.url_id and l.id <> l.file_id`

const followUsers = (sql: Transaction, importId: number, [after, upTo]: Chunk) => sql`
  update import_events s set user_id = f.id
  from import_users f
  where s.import_id = ${importId} and s.line > ${after} and s.line <= ${upTo}
    and f.import_id = ${importId} and f.file_id = s.user_id and f.id <> f.file_id`

const leaveOutPurged = (sql: Transaction, importId: number, [after, upTo]: Chunk) => sql`
  update import_events s set id = null, there = true
  from urls u
  where s.import_id = ${importId} and s.line > ${after} and s.line <= ${upTo} and u.id = s.url_id and u.purged_at is not null`

async function refuseUnknown(sql: Transaction, importId: number, [after, upTo]: Chunk) {
  const unknown = await sql<BadRow[]>`
    select line, 'url_id' as column, format('names no link: there is none with the id %s', url_id) as message
    from import_events s
    where import_id = ${importId} and line > ${after} and line <= ${upTo} and not there and url_id is not null
      and not exists (select from urls u where u.id = s.url_id)
    union all
    select line, 'user_id', format('names no user: there is none with the id %s', user_id)
    from import_events s
    where import_id = ${importId} and line > ${after} and line <= ${upTo} and not there and user_id is not null
      and not exists (select from users u where u.id = s.user_id)
    order by line limit 20`
  if (unknown.length > 0) throw badRows(unknown)
}

/** The nth row of some content is the nth imported event of it that no other row is. */
const findByContent = (sql: Transaction, importId: number, [after, upTo]: Chunk) => sql`
  with wanted as (
    select line, coalesce(url_id, 0) as link, coalesce(user_id, 0) as actor, event_type, timestamp, details,
      row_number() over (partition by url_id, user_id, event_type, timestamp, details order by line) as nth
    from import_events
    where import_id = ${importId} and line > ${after} and line <= ${upTo} and not there),
  found as (
    select id, coalesce(url_id, 0) as link, coalesce(user_id, 0) as actor, event_type, timestamp, details,
      row_number() over (partition by url_id, user_id, event_type, timestamp, details order by id) as nth
    from events_imported e
    where timestamp in (select timestamp from wanted)
      and not exists (select from import_events s where s.import_id = ${importId} and s.id = e.id and s.there))
  update import_events s set id = f.id, there = true
  from wanted w join found f using (timestamp, link, actor, event_type, details, nth)
  where s.import_id = ${importId} and s.line = w.line`

/** To the rows whose id is taken, and to those that have none; they leave gaps. */
const giveIds = (sql: Transaction, importId: number, [after, upTo]: Chunk, highest: number) => sql`
  update import_events s set id = ${highest}::bigint + line
  where import_id = ${importId} and line > ${after} and line <= ${upTo} and not there
    and (id is null or exists (select from events_imported e where e.id = s.id))`

const insert = (sql: Transaction, importId: number, [after, upTo]: Chunk) => sql`
  insert into events (id, url_id, user_id, event_type, timestamp, details)
  select id, url_id, user_id, event_type, timestamp, details from import_events
  where import_id = ${importId} and line > ${after} and line <= ${upTo} and not there
  order by line`

const MAX_VALUES = 200 // of a dimension, a link and day; the rest is (other)

async function countClicks(sql: Transaction, importId: number) {
  const clicked = sql`from import_events where import_id = ${importId} and event_type = 'click' and not there and url_id is not null`
  const links = await sql<
    { url_id: number; clicks: number }[]
  >`select url_id, count(*) as clicks ${clicked} group by url_id order by url_id`
  // Table by table in the order of keys, as the click recorder does it: nobody can deadlock.
  const ranges = rangesOf(links)
  for (const [from, to] of ranges)
    await sql`
      insert into click_series as s (url_id, bucket, clicks, bots)
      select url_id, date_bin('15 minutes', timestamp, '2020-01-01 00:00:00+00'), count(*), 0
      ${clicked} and url_id between ${from} and ${to} group by 1, 2 order by 1, 2
      on conflict (url_id, bucket) do update set clicks = s.clicks + excluded.clicks`
  for (const [from, to] of ranges)
    await sql`
      with counted as (
        select url_id, (timestamp at time zone 'UTC')::date as day, referrer as value, count(*) as clicks,
          row_number() over (partition by url_id, (timestamp at time zone 'UTC')::date order by count(*) desc, referrer) as place
        ${clicked} and url_id between ${from} and ${to} and referrer is not null group by 1, 2, 3),
      known as (
        select c.*, exists (select from click_breakdowns b where (b.url_id, b.day, b.dimension, b.value) = (c.url_id, c.day, 'referrer', c.value)) as there,
          (select count(*) from click_breakdowns b where (b.url_id, b.day, b.dimension) = (c.url_id, c.day, 'referrer')) as taken
        from counted c)
      insert into click_breakdowns as b (url_id, day, dimension, value, clicks, bots)
      select url_id, day, 'referrer', case when there or taken + place <= ${MAX_VALUES} then value else '(other)' end, sum(clicks), 0
      from known group by 1, 2, 4 order by 1, 2, 4
      on conflict (url_id, day, dimension, value) do update set clicks = b.clicks + excluded.clicks`
  for (const [from, to] of ranges)
    await sql`
      insert into link_totals as t (url_id, clicks, bots, last_click)
      select url_id, count(*), 0, max(timestamp) ${clicked} and url_id between ${from} and ${to} group by url_id order by url_id
      on conflict (url_id) do update set clicks = t.clicks + excluded.clicks, last_click = greatest(t.last_click, excluded.last_click)`
}

const CLICKS_A_STATEMENT = 10_000

function rangesOf(links: { url_id: number; clicks: number }[]): [from: number, to: number][] {
  const ranges: [number, number][] = []
  let clicks = CLICKS_A_STATEMENT
  for (const link of links) {
    if (clicks >= CLICKS_A_STATEMENT) {
      ranges.push([link.url_id, link.url_id])
      clicks = 0
    }
    ranges.at(-1)![1] = link.url_id
    clicks += link.clicks
  }
  return ranges
}
