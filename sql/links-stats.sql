-- Statistics of many links together, in one row, and from clicks that are not counted yet (roll-up-clicks.sql).
-- $1 links, in order  $2 starts of hours, in s since 1970, and the end of the last  $3 the same of days  $4 first UTC day of breakdowns  $5 last
-- Unlike for one link, every row is read once and then assigned to its bucket: a scan for each link and bucket would take too long.
-- The conditions on the first and the last link are redundant. They let the planner choose between that range and a look-up for each link.
with links as materialized (select unnest($1::bigint[]) as id),
units as materialized (
  select 'hour' as unit, array(select to_timestamp(start) from unnest($2::float8[]) as start) as starts
  union all select 'day', array(select to_timestamp(start) from unnest($3::float8[]) as start)),
bounds as materialized (
  select min(starts[1]) as since, max(starts[cardinality(starts)]) as until from units),
uncounted as materialized (
  select bucket, browser, system, device, referrer, count(*) as clicks, sum(bots) as bots
  from links join click_values on url_id = links.id
  where click_values.id > (select watermark from click_rollup) and url_id >= ($1::bigint[])[1] and url_id <= ($1::bigint[])[cardinality($1::bigint[])]
  group by 1, 2, 3, 4, 5),
found as (
  select dimension, value, sum(clicks)::bigint as clicks, greatest(sum(bots), 0)::bigint as bots
  from (
    select dimension, value, clicks, bots from links join click_breakdowns on url_id = links.id
    where url_id >= ($1::bigint[])[1] and url_id <= ($1::bigint[])[cardinality($1::bigint[])] and day between $4::date and $5::date
    union all
    select dimension, value, coalesce(clicks[upto], 0) - coalesce(clicks[before], 0), coalesce(bots[upto], 0) - coalesce(bots[before], 0)
    from links join click_months on url_id = links.id, lateral (
      select width_bucket(($5::date - month)::smallint, days) as upto, width_bucket(($4::date - month - 1)::smallint, days) as before) as folded
    where url_id >= ($1::bigint[])[1] and url_id <= ($1::bigint[])[cardinality($1::bigint[])]
      and month between date_trunc('month', $4::date::timestamp)::date and $5::date
    union all
    select dimension, value, clicks, bots
    from uncounted, lateral (values ('browser', browser), ('device', device), ('referrer', referrer), ('system', system)) as v (dimension, value)
    where value <> '' and (bucket at time zone 'UTC')::date between $4::date and $5::date) as counts
  group by dimension, value having sum(clicks) > 0),
-- More values than are shown, because other links may have them too.
ranked as (
  select found.*, value = '(other)' or
    row_number() over (partition by dimension order by value = '(other)', clicks desc, value) > 1000 as rest
  from found),
quarters as (
  select start, sum(clicks) as clicks, sum(bots) as bots
  from (
    select bucket as start, clicks, bots from bounds, links join click_series on url_id = links.id
    where url_id >= ($1::bigint[])[1] and url_id <= ($1::bigint[])[cardinality($1::bigint[])] and bucket >= since and bucket < until
    union all
    select bucket, clicks, bots from bounds, uncounted where bucket >= since and bucket < until
    union all
    select (day + quarters[place] * interval '15 minutes') at time zone 'UTC', clicks[place] - coalesce(clicks[place - 1], 0),
      bots[place] - coalesce(bots[place - 1], 0)
    from bounds, links join click_days on url_id = links.id, generate_subscripts(quarters, 1) as place
    where url_id >= ($1::bigint[])[1] and url_id <= ($1::bigint[])[cardinality($1::bigint[])]
      and day >= (since at time zone 'UTC')::date and day < until at time zone 'UTC') as counts
  group by start),
counted as (
  select unit, width_bucket(start, starts) as place, greatest(sum(clicks), 0)::bigint as clicks, greatest(sum(bots), 0)::bigint as bots
  from units, quarters group by 1, 2)
select total.*,
  (select json_agg(json_build_array(place, clicks, bots)) from counted where unit = 'hour') as by_hour,
  (select json_agg(json_build_array(place, clicks, bots)) from counted where unit = 'day') as by_day,
  coalesce((
    select json_agg(json_build_object('dimension', dimension, 'value', value, 'clicks', clicks, 'bots', bots))
    from (
      select dimension, case when rest then '(other)' else value end as value, sum(clicks)::bigint as clicks, sum(bots)::bigint as bots
      from ranked group by 1, 2) as top), '[]') as breakdowns
from (
  select coalesce(sum(clicks), 0)::bigint as clicks, coalesce(sum(bots), 0)::bigint as bots, max(last_click) as last_click
  from links join link_totals on url_id = links.id
  where url_id >= ($1::bigint[])[1] and url_id <= ($1::bigint[])[cardinality($1::bigint[])]) as total
