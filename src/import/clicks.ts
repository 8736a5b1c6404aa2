import { MAX_VALUES } from '../clicks/roll-up.ts'
import type { Transaction } from '../database/guard.ts'

/** Adds the clicks among an import’s new events, in their staging table, to breakdowns, series and totals. */
export async function countClicks(sql: Transaction, staging: string) {
  const clicked = sql`from ${sql(staging)} where event_type = 'click' and not there and url_id is not null`
  const links = await sql<
    { url_id: number; clicks: number }[]
  >`select url_id, count(*) as clicks ${clicked} group by url_id order by url_id`
  // Locks tables and keys in the same order as sql/store-clicks.sql, so that there are no deadlocks.
  const ranges = rangesOf(links)
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
      insert into click_series as s (url_id, bucket, clicks, bots)
      select url_id, date_bin('15 minutes', timestamp, '2020-01-01 00:00:00+00'), count(*), 0
      ${clicked} and url_id between ${from} and ${to} group by 1, 2 order by 1, 2
      on conflict (url_id, bucket) do update set clicks = s.clicks + excluded.clicks`
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
