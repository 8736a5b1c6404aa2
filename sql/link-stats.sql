-- Statistics of a link from its rollups, in one row, never from events.
-- $1 link  $2 time zone  $3 from (s since 1970, or null)  $4 to (exclusive; null: now)
-- Buckets are complete: the first contains `from`, the last contains the moment before `to`. The lists of starts end with the end of the
-- last bucket.
-- Each bucket is one range scan of the series' index, so no row pays for a time zone. Folded counts are running sums: a bucket is a
-- difference of two.
with asked as materialized (
  select to_timestamp($3::float8) as from_at, greatest(coalesce(to_timestamp($4::float8), now()) - interval '1 ms', to_timestamp($3::float8)) as last_at),
span as materialized (
  select last_at,
    -- Hours of the last 31 days; a month with a clock change may have one more.
    case when from_at is null then last_at - interval '47 hours'
      when from_at < last_at - interval '745 hours' then last_at - interval '743 hours' else from_at end as hours_from,
    (last_at at time zone $2::text)::date as last_day,
    coalesce((from_at at time zone $2::text)::date, (last_at at time zone $2::text)::date - 89) as first_day
  from asked),
-- Truncate after each step: where a clock changes by half an hour, hours start at a different minute afterwards.
hour_starts as materialized (
  select array_agg(distinct hour order by hour) as starts
  from span, generate_series(date_trunc('hour', hours_from, $2::text), last_at + interval '2 hours', '1 hour') as step,
    lateral (select date_trunc('hour', step, $2::text) as hour) as cut
  where hour <= date_trunc('hour', last_at, $2::text) + interval '1 hour'),
-- If clocks go back over midnight, the day has two midnights; PostgreSQL returns the second.
day_starts as materialized (
  select array_agg(case when (midnight - interval '1 hour') at time zone $2::text >= day then midnight - interval '1 hour' else midnight end
    order by day) as starts
  from span, generate_series(first_day::timestamp, last_day::timestamp + interval '1 day', '1 day') as day,
    lateral (select day at time zone $2::text as midnight) as local),
-- Breakdowns have UTC days: take all that overlap the span.
dates as materialized (
  select (starts[1] at time zone 'UTC')::date as first, (last_at at time zone 'UTC')::date as last from span, day_starts),
found as (
  select dimension, value, sum(clicks)::bigint as clicks, greatest(sum(bots), 0)::bigint as bots
  from (
    select dimension, value, clicks, bots from click_breakdowns, dates where url_id = $1::bigint and day >= first and day <= last
    union all
    select dimension, value, coalesce(clicks[upto], 0) - coalesce(clicks[before], 0), coalesce(bots[upto], 0) - coalesce(bots[before], 0)
    from dates, click_months, lateral (
      select width_bucket((last - month)::smallint, days) as upto, width_bucket((first - month - 1)::smallint, days) as before) as folded
    where url_id = $1::bigint and month >= date_trunc('month', first::timestamp)::date and month <= last) as counts
  group by dimension, value having sum(clicks) > 0),
ranked as (
  select found.*, value = '(other)' or
    row_number() over (partition by dimension order by value = '(other)', clicks desc, value) > 10 as rest
  from found),
top as (
  select dimension, rest, case when rest then '(other)' else value end as value, sum(clicks)::bigint as clicks, sum(bots)::bigint as bots
  from ranked group by 1, 2, 3),
series as (
  select unit, json_agg(json_build_object(
    'start', to_char(start at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'clicks', clicks, 'bots', bots) order by start) as buckets
  from (select 'hour' as unit, starts from hour_starts union all select 'day', starts from day_starts) as units,
    unnest(starts[:cardinality(starts) - 1], starts[2:]) as bucket_of (start, until), lateral (
      select greatest(sum(clicks), 0)::bigint as clicks, greatest(sum(bots), 0)::bigint as bots from (
        select clicks, bots from click_series where url_id = $1::bigint and bucket >= start and bucket < until
        union all
        select coalesce(clicks[upto], 0) - coalesce(clicks[before], 0), coalesce(bots[upto], 0) - coalesce(bots[before], 0)
        from click_days, lateral (
          select width_bucket((date_part('epoch', until at time zone 'UTC' - day) / 900 - 1)::smallint, quarters) as upto,
            width_bucket((date_part('epoch', start at time zone 'UTC' - day) / 900 - 1)::smallint, quarters) as before) as folded
        where url_id = $1::bigint and day >= (start at time zone 'UTC')::date and day < until at time zone 'UTC') as counts) as counted
  group by unit)
select coalesce(total.clicks, 0) as clicks, coalesce(total.bots, 0) as bots, total.last_click,
  (select buckets from series where unit = 'hour') as by_hour, (select buckets from series where unit = 'day') as by_day,
  coalesce((select json_agg(json_build_object('dimension', dimension, 'value', value, 'clicks', clicks, 'bots', bots)
    order by dimension, rest, clicks desc, value) from top), '[]') as breakdowns
from (select) as one left join link_totals total on total.url_id = $1::bigint
