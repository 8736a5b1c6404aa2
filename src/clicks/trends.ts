// Clicks per day of the links of a page, for sparklines: one statement for all of them.
import type { Database, Sql } from '../database/guard.ts'
import { liveLinks, type Owner } from '../database/ownership.ts'
import { bucketsOf } from './buckets.ts'
import type { Trend } from './schema.ts'

/** Two weeks have each weekday twice. */
export const TREND_DAYS = 14

/** The trend of each link of `ids` that exists, and belongs to the owner. 100 links clicked in every quarter of an hour take 15 ms. */
export async function trendsOf(database: Database, ids: number[], zone: string, owner: Owner): Promise<Trend[]> {
  const { days } = bucketsOf({ zone, from: null, to: null })
  const starts = days.slice(-TREND_DAYS - 1)
  const rows = await database.run(
    (sql) => sql<Trend[]>`
      with days as materialized (select array(select to_timestamp(start) from unnest(${starts}::float8[]) as start) as starts),
      asked as materialized (select id from urls where id = any(${ids}::bigint[]) and ${liveLinks(sql, owner)}),
      counted as (select id, place, sum(clicks) as clicks from (${parts(sql)}) as parts group by id, place)
      select id, array_agg(greatest(coalesce(clicks, 0), 0)::bigint order by place) as clicks
      from asked cross join generate_series(1, ${TREND_DAYS}::int) as place left join counted using (id, place)
      group by id order by id`,
  )
  return [...rows]
}

/**
 * For each link, one range of the series, its clicks that are not counted yet, and its folded days. The share of a folded day in a day of the zone
 * is the difference of two sums.
 */
const parts = (sql: Sql) => sql`
  select id, width_bucket(bucket, starts) as place, clicks
  from days, asked join click_series on url_id = id
  where bucket >= starts[1] and bucket < starts[${TREND_DAYS}::int + 1]
  union all
  select url_id, width_bucket(timestamp, starts), count(*)
  from days, clicks
  where url_id in (select id from asked) and clicks.id > (select watermark from click_rollup)
    and timestamp >= starts[1] and timestamp < starts[${TREND_DAYS}::int + 1]
  group by 1, 2
  union all
  select id, place, coalesce(clicks[width_bucket(${lastQuarter(sql, 'starts[place + 1]')}, quarters)], 0)
    - coalesce(clicks[width_bucket(${lastQuarter(sql, 'starts[place]')}, quarters)], 0)
  from days, asked join click_days on url_id = id, generate_series(
    greatest(width_bucket(day::timestamp at time zone 'UTC', starts), 1),
    least(width_bucket((day + 1)::timestamp at time zone 'UTC', starts), ${TREND_DAYS}::int)) as place
  where day >= (starts[1] at time zone 'UTC')::date and day <= (starts[${TREND_DAYS}::int + 1] at time zone 'UTC')::date`

/** The quarter of an hour before the moment: 0 to 95 if the moment is within the day. */
const lastQuarter = (sql: Sql, moment: string) =>
  sql.unsafe(`(date_part('epoch', ${moment} at time zone 'UTC' - day) / 900 - 1)::smallint`)
