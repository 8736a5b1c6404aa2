-- Counts clicks in series and breakdowns: at most $2 of them, from the watermark up to id $1. Later ones are not counted yet, and below $1
-- no transaction in flight adds any. Returns the number of clicks, and 0 while another replica does this.
with state as materialized (select watermark from click_rollup for update skip locked),
chunk as materialized (
  select c.id, c.url_id, c.timestamp, c.referrer, c.agent, c.details from clicks c
  where c.id > (select watermark from state) and c.id >> 6 >= (select watermark from state) >> 6 and c.id <= $1::bigint and c.id >> 6 <= $1::bigint >> 6
  order by c.id >> 6, c.id limit $2),
moved as (
  update click_rollup set watermark = (select max(id) from chunk) where exists (select from chunk)),
link as materialized (
  select u.id, t.clicks > :max_values as many
  from urls u left join link_totals t on t.url_id = u.id
  where u.id = any (array(select distinct url_id from chunk)) and u.purged_at is null),
alike as materialized (
  select url_id, date_bin('15 minutes', timestamp, '2020-01-01 00:00:00+00') as bucket, referrer, agent, details, link.many, count(*) as clicks
  from chunk join link on link.id = chunk.url_id group by 1, 2, 3, 4, 5, 6),
seen as materialized (
  select alike.url_id, alike.bucket, alike.many, alike.clicks, coalesce(a.browser, details ->> 'browser') as browser,
    coalesce(a.device, details ->> 'device') as device, coalesce(a.system, details ->> 'system') as system,
    coalesce(r.host, details ->> 'referrer') as referrer, case when coalesce(a.bot, details @> '{"bot": true}') then alike.clicks else 0 end as bots
  from alike left join click_agents a on a.id = alike.agent left join click_referrers r on r.id = alike.referrer),
fresh as (
  select url_id, (bucket at time zone 'UTC')::date as day, dimension, value, many, sum(clicks) as clicks, sum(bots) as bots
  from seen, lateral (values ('browser', browser), ('device', device), ('referrer', referrer), ('system', system)) as v (dimension, value)
  where value <> '' group by 1, 2, 3, 4, 5),
-- Random Referers must not create unlimited rows: after :max_values per link, day and dimension, further values count as (other). A link with
-- fewer clicks than that has fewer values.
numbered as (
  select url_id, day, dimension, value, clicks, bots, row_number() over (partition by url_id, day, dimension order by value) as place
  from fresh where many and not exists (
    select from click_breakdowns b where (b.url_id, b.day, b.dimension, b.value) = (fresh.url_id, fresh.day, fresh.dimension, fresh.value))),
room as (
  select url_id, day, dimension, :max_values - (
    select count(*) from click_breakdowns b where (b.url_id, b.day, b.dimension) = (n.url_id, n.day, n.dimension)) as places
  from (select distinct url_id, day, dimension from numbered) as n),
other as materialized (
  select n.* from numbered n join room using (url_id, day, dimension) where n.place > room.places),
capped as (
  select url_id, day, dimension, value, clicks, bots from fresh
  where not exists (select from other o where (o.url_id, o.day, o.dimension, o.value) = (fresh.url_id, fresh.day, fresh.dimension, fresh.value))
  union all
  select url_id, day, dimension, '(other)', clicks, bots from other),
-- All writers lock counters in the same order, by table and then by key: breakdowns, series, totals (count_click and imports too).
-- PostgreSQL may run CTEs in any order, so series depend on the count of breakdowns.
breakdown as (
  insert into click_breakdowns as b (url_id, day, dimension, value, clicks, bots)
  select url_id, day, dimension, value, sum(clicks), sum(bots) from capped group by 1, 2, 3, 4 order by 1, 2, 3, 4
  on conflict (url_id, day, dimension, value) do update set clicks = b.clicks + excluded.clicks, bots = b.bots + excluded.bots
  returning 1),
series as (
  insert into click_series as s (url_id, bucket, clicks, bots)
  select url_id, bucket, sum(clicks), sum(bots) from seen where (select count(*) from breakdown) >= 0 group by 1, 2 order by 1, 2
  on conflict (url_id, bucket) do update set clicks = s.clicks + excluded.clicks, bots = s.bots + excluded.bots)
select count(*)::int as rows from chunk
