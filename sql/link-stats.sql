-- Statistics of a link from its rollups, in one row, never from events. stats-span.sql comes before.
-- $1 link
-- Each bucket is one range scan of the series' index, so no row pays for a time zone. Folded counts are running sums: a bucket is a
-- difference of two. Clicks after the watermark are not counted yet (roll-up-clicks.sql).
, latest as materialized (
  select date_bin('15 minutes', timestamp, '2020-01-01 00:00:00+00') as bucket, referrer, agent, details, count(*) as clicks
  from clicks where url_id = $1::bigint and id > (select watermark from click_rollup) group by 1, 2, 3, 4),
uncounted as materialized (
  select latest.bucket, latest.clicks, case when coalesce(a.bot, details @> '{"bot": true}') then latest.clicks else 0 end as bots,
    coalesce(a.browser, details ->> 'browser') as browser, coalesce(a.system, details ->> 'system') as system,
    coalesce(a.device, details ->> 'device') as device, coalesce(r.host, details ->> 'referrer') as referrer
  from latest left join click_agents a on a.id = latest.agent left join click_referrers r on r.id = latest.referrer),
found as (
  select dimension, value, sum(clicks)::bigint as clicks, greatest(sum(bots), 0)::bigint as bots
  from (
    select dimension, value, clicks, bots from click_breakdowns, dates where url_id = $1::bigint and day >= first and day <= last
    union all
    select dimension, value, coalesce(clicks[upto], 0) - coalesce(clicks[before], 0), coalesce(bots[upto], 0) - coalesce(bots[before], 0)
    from dates, click_months, lateral (
      select width_bucket((last - month)::smallint, days) as upto, width_bucket((first - month - 1)::smallint, days) as before) as folded
    where url_id = $1::bigint and month >= date_trunc('month', first::timestamp)::date and month <= last
    union all
    select dimension, value, clicks, bots
    from dates, uncounted, lateral (values ('browser', browser), ('device', device), ('referrer', referrer), ('system', system)) as v (dimension, value)
    where value <> '' and (bucket at time zone 'UTC')::date between first and last) as counts
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
        select clicks, bots from uncounted where bucket >= start and bucket < until
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
