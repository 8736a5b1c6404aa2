-- Stores a batch of clicks with all their counters, exactly once.
-- $1 journal  $2 its watermark before  $3 and after
-- $4..$6 events: link, time (ms since 1970), details     $7..$10 totals: link, clicks, bots, last (ms)
-- $11..$14 series: link, bucket (ms), clicks, bots       $15..$20 breakdowns: link, day, dimension, value, clicks, bots
-- $21..$22 of links with max_clicks: link, clicks that spent a lease    $23 totals: first (ms)
-- The fence: if the watermark changed since it was read, nothing is stored. So no batch is stored twice, not even by a replica that was
-- suspended while another adopted its journal, or after a failover. Clicks of purged links are skipped.
-- Where clicks are older than a reset of their link, nothing is stored either: `late` names these links, and the caller leaves the clicks out.
with late as (
  select t.url_id, t.reset_at from unnest($7::bigint[], $23::float8[]) as n (link, first)
  join link_totals t on t.url_id = n.link and t.reset_at > to_timestamp(n.first / 1000)),
fence as (
  update journals set watermark = $3, updated_at = now()
  where journal_id = $1 and watermark = $2 and not exists (select from late) returning journal_id),
link as (
  select u.id, u.user_id from urls u
  where u.id = any ($7::bigint[]) and u.purged_at is null and exists (select from fence)),
moved as materialized (select next_event_id() as id from fence),
event as (
  insert into events (id, url_id, user_id, event_type, timestamp, details)
  select nextval('event_ids'), e.link, link.user_id, 'click', to_timestamp(e.at / 1000), e.details::jsonb
  from moved, unnest($4::bigint[], $5::float8[], $6::text[]) as e (link, at, details) join link on link.id = e.link
  returning 1),
fresh as (
  select n.*, b.url_id is not null as known
  from unnest($15::bigint[], $16::date[], $17::text[], $18::text[], $19::bigint[], $20::bigint[]) as n (link, day, dimension, value, clicks, bots)
  join link on link.id = n.link
  left join click_breakdowns b on b.url_id = n.link and b.day = n.day and b.dimension = n.dimension and b.value = n.value),
-- Random Referers must not create unlimited rows: after :max_values per link, day and dimension, further values count as (other).
room as (
  select g.link, g.day, g.dimension, :max_values - (
    select count(*) from click_breakdowns b where b.url_id = g.link and b.day = g.day and b.dimension = g.dimension) as places
  from (select distinct link, day, dimension from fresh where not known) g),
capped as (
  select f.link, f.day, f.dimension, f.clicks, f.bots,
    case when f.known or row_number() over (partition by f.link, f.day, f.dimension, f.known order by f.value) <= room.places
      then f.value else '(other)' end as value
  from fresh f left join room using (link, day, dimension)),
-- All writers lock counters in the same order, by table and then by key: breakdowns, series, totals (count_click and imports too).
-- PostgreSQL may run CTEs in any order, so each depends on the count of the previous one.
breakdown as (
  insert into click_breakdowns as b (url_id, day, dimension, value, clicks, bots)
  select link, day, dimension, value, sum(clicks), sum(bots) from capped group by 1, 2, 3, 4 order by 1, 2, 3, 4
  on conflict (url_id, day, dimension, value) do update set clicks = b.clicks + excluded.clicks, bots = b.bots + excluded.bots
  returning 1),
series as (
  insert into click_series as s (url_id, bucket, clicks, bots)
  select n.link, to_timestamp(n.bucket / 1000), n.clicks, n.bots
  from unnest($11::bigint[], $12::float8[], $13::bigint[], $14::bigint[]) as n (link, bucket, clicks, bots) join link on link.id = n.link
  where (select count(*) from breakdown) >= 0 order by 1, 2
  on conflict (url_id, bucket) do update set clicks = s.clicks + excluded.clicks, bots = s.bots + excluded.bots
  returning 1),
total as (
  insert into link_totals as t (url_id, clicks, bots, last_click)
  select n.link, n.clicks, n.bots, to_timestamp(n.last / 1000)
  from unnest($7::bigint[], $8::bigint[], $9::bigint[], $10::float8[]) as n (link, clicks, bots, last) join link on link.id = n.link
  where (select count(*) from series) >= 0 order by 1
  on conflict (url_id) do update set
    clicks = t.clicks + excluded.clicks + case when t.reset_xid is null then 0 else unless_reset(t.reset_xid, pg_current_snapshot()) end,
    bots = t.bots + excluded.bots, last_click = greatest(t.last_click, excluded.last_click)
  returning 1)
-- Allowances are locked after totals, as by the deletion of a link.
select (
    select count(record_spent($1, $21::bigint[], $22::bigint[])) from fence where $21 <> '{}'::bigint[] and (select count(*) from total) >= 0) as spent,
  (select count(*) from fence) as fenced, (select count(*) from event) as stored,
  (select json_object_agg(url_id, round(extract(epoch from reset_at) * 1000)) from late) as late
