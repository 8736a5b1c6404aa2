-- Statistics of many links together, in one row. stats-span.sql comes before.
-- $1 links, in order
-- Unlike for one link, every row is read once and then assigned to its bucket: a scan for each link and bucket would take too long.
-- The conditions on the first and the last link are redundant. They let the planner choose between that range and a look-up for each link.
, links as materialized (select unnest($1::bigint[]) as id),
units as materialized (select 'hour' as unit, starts from hour_starts union all select 'day', starts from day_starts),
bounds as materialized (
  select min(starts[1]) as since, max(starts[cardinality(starts)]) as until from units),
-- Clicks after the watermark are not counted yet (roll-up-clicks.sql).
latest as materialized (
  select date_bin('15 minutes', timestamp, '2020-01-01 00:00:00+00') as bucket, referrer, agent, details, count(*) as clicks
  from links join clicks on url_id = links.id
  where clicks.id > (select watermark from click_rollup) and url_id >= ($1::bigint[])[1] and url_id <= ($1::bigint[])[cardinality($1::bigint[])]
  group by 1, 2, 3, 4),
uncounted as materialized (
  select latest.bucket, latest.clicks, case when coalesce(a.bot, details @> '{"bot": true}') then latest.clicks else 0 end as bots,
    coalesce(a.browser, details ->> 'browser') as browser, coalesce(a.system, details ->> 'system') as system,
    coalesce(a.device, details ->> 'device') as device, coalesce(r.host, details ->> 'referrer') as referrer
  from latest left join click_agents a on a.id = latest.agent left join click_referrers r on r.id = latest.referrer),
found as (
  select dimension, value, sum(clicks)::bigint as clicks, greatest(sum(bots), 0)::bigint as bots
  from (
    select dimension, value, clicks, bots from dates, links join click_breakdowns on url_id = links.id
    where url_id >= ($1::bigint[])[1] and url_id <= ($1::bigint[])[cardinality($1::bigint[])] and day >= first and day <= last
    union all
    select dimension, value, coalesce(clicks[upto], 0) - coalesce(clicks[before], 0), coalesce(bots[upto], 0) - coalesce(bots[before], 0)
    from dates, links join click_months on url_id = links.id, lateral (
      select width_bucket((last - month)::smallint, days) as upto, width_bucket((first - month - 1)::smallint, days) as before) as folded
    where url_id >= ($1::bigint[])[1] and url_id <= ($1::bigint[])[cardinality($1::bigint[])]
      and month >= date_trunc('month', first::timestamp)::date and month <= last
    union all
    select dimension, value, clicks, bots
    from dates, uncounted, lateral (values ('browser', browser), ('device', device), ('referrer', referrer), ('system', system)) as v (dimension, value)
    where value <> '' and (bucket at time zone 'UTC')::date between first and last) as counts
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
  from units, quarters group by 1, 2),
series as (
  select unit, json_agg(json_build_object(
    'start', to_char(start at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'clicks', coalesce(clicks, 0), 'bots', coalesce(bots, 0)) order by place) as buckets
  from units cross join unnest(starts[:cardinality(starts) - 1]) with ordinality as bucket_of (start, place) left join counted using (unit, place)
  group by unit)
select total.*,
  (select buckets from series where unit = 'hour') as by_hour, (select buckets from series where unit = 'day') as by_day,
  coalesce((
    select json_agg(json_build_object('dimension', dimension, 'value', value, 'clicks', clicks, 'bots', bots))
    from (
      select dimension, case when rest then '(other)' else value end as value, sum(clicks)::bigint as clicks, sum(bots)::bigint as bots
      from ranked group by 1, 2) as top), '[]') as breakdowns
from (
  select coalesce(sum(clicks), 0)::bigint as clicks, coalesce(sum(bots), 0)::bigint as bots, max(last_click) as last_click
  from links join link_totals on url_id = links.id
  where url_id >= ($1::bigint[])[1] and url_id <= ($1::bigint[])[cardinality($1::bigint[])]) as total
