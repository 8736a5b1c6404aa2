-- Statistics of a link from its rollups, in one row, and from clicks that are not counted yet (roll-up-clicks.sql).
-- $1 link  $2 starts of hours, in s since 1970, and the end of the last  $3 the same of days  $4 first UTC day of breakdowns  $5 last
-- Folded counts are running sums: a bucket is a difference of two.
with units as materialized (
  select 'hour' as unit, array(select to_timestamp(start) from unnest($2::float8[]) as start) as starts
  union all select 'day', array(select to_timestamp(start) from unnest($3::float8[]) as start)),
bounds as materialized (
  select min(starts[1]) as since, max(starts[cardinality(starts)]) as until from units),
uncounted as materialized (
  select bucket, browser, system, device, referrer, count(*) as clicks, sum(bots) as bots
  from click_values where url_id = $1::bigint and id > (select watermark from click_rollup) group by 1, 2, 3, 4, 5),
found as (
  select dimension, value, sum(clicks)::bigint as clicks, greatest(sum(bots), 0)::bigint as bots
  from (
    select dimension, value, clicks, bots from click_breakdowns where url_id = $1::bigint and day between $4::date and $5::date
    union all
    select dimension, value, coalesce(clicks[upto], 0) - coalesce(clicks[before], 0), coalesce(bots[upto], 0) - coalesce(bots[before], 0)
    from click_months, lateral (
      select width_bucket(($5::date - month)::smallint, days) as upto, width_bucket(($4::date - month - 1)::smallint, days) as before) as folded
    where url_id = $1::bigint and month between date_trunc('month', $4::date::timestamp)::date and $5::date
    union all
    select dimension, value, clicks, bots
    from uncounted, lateral (values ('browser', browser), ('device', device), ('referrer', referrer), ('system', system)) as v (dimension, value)
    where value <> '' and (bucket at time zone 'UTC')::date between $4::date and $5::date) as counts
  group by dimension, value having sum(clicks) > 0),
ranked as (
  select found.*, value = '(other)' or
    row_number() over (partition by dimension order by value = '(other)', clicks desc, value) > 10 as rest
  from found),
top as (
  select dimension, rest, case when rest then '(other)' else value end as value, sum(clicks)::bigint as clicks, sum(bots)::bigint as bots
  from ranked group by 1, 2, 3),
quarters as materialized (
  select bucket, clicks, bots from bounds, click_series where url_id = $1::bigint and bucket >= since and bucket < until
  union all
  select bucket, clicks, bots from bounds, uncounted where bucket >= since and bucket < until),
placed as (
  select unit, width_bucket(bucket, starts) as place, clicks, bots from units, quarters
  union all
  select unit, place, coalesce(clicks[upto], 0) - coalesce(clicks[before], 0), coalesce(bots[upto], 0) - coalesce(bots[before], 0)
  from bounds, click_days, units, generate_series(
      greatest(width_bucket(day::timestamp at time zone 'UTC', starts), 1),
      least(width_bucket((day + 1)::timestamp at time zone 'UTC', starts), cardinality(starts) - 1)) as place, lateral (
    select width_bucket((date_part('epoch', starts[place + 1] at time zone 'UTC' - day) / 900 - 1)::smallint, quarters) as upto,
      width_bucket((date_part('epoch', starts[place] at time zone 'UTC' - day) / 900 - 1)::smallint, quarters) as before) as folded
  where url_id = $1::bigint and day >= (since at time zone 'UTC')::date and day < until at time zone 'UTC'),
counted as (
  select unit, place, greatest(sum(clicks), 0)::bigint as clicks, greatest(sum(bots), 0)::bigint as bots from placed group by 1, 2)
select coalesce(total.clicks, 0) as clicks, coalesce(total.bots, 0) as bots, total.last_click,
  (select json_agg(json_build_array(place, clicks, bots)) from counted where unit = 'hour') as by_hour,
  (select json_agg(json_build_array(place, clicks, bots)) from counted where unit = 'day') as by_day,
  coalesce((select json_agg(json_build_object('dimension', dimension, 'value', value, 'clicks', clicks, 'bots', bots)
    order by dimension, rest, clicks desc, value) from top), '[]') as breakdowns
from (select) as one left join link_totals total on total.url_id = $1::bigint
