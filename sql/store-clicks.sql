-- Stores a batch of clicks with their counters. $1 url ids, $2 times, $3 referrer hosts ('' for none), $4 user agents.
-- Links that were purged meanwhile are left out. Rows are written in the order of their keys, so that replicas cannot deadlock.
with click as (
  select c.url_id, u.user_id, c.at, c.referrer, c.user_agent
  from unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[]) as c (url_id, at, referrer, user_agent)
  join urls u on u.id = c.url_id and u.purged_at is null),
moved as materialized (select next_event_id()),
event as (
  insert into events (id, url_id, user_id, event_type, timestamp, details)
  select nextval('event_ids'), url_id, user_id, 'click', at,
    jsonb_strip_nulls(jsonb_build_object('referrer', nullif(referrer, ''), 'user_agent', nullif(user_agent, '')))
  from click cross join moved),
series as (
  insert into click_series as s (url_id, bucket, clicks, bots)
  select url_id, date_bin('15 minutes', at, '2020-01-01 00:00:00+00'), count(*), 0 from click group by 1, 2 order by 1, 2
  on conflict (url_id, bucket) do update set clicks = s.clicks + excluded.clicks),
breakdown as (
  insert into click_breakdowns as b (url_id, day, dimension, value, clicks, bots)
  select url_id, (at at time zone 'UTC')::date, 'referrer', referrer, count(*), 0 from click where referrer <> '' group by 1, 2, 4 order by 1, 2, 4
  on conflict (url_id, day, dimension, value) do update set clicks = b.clicks + excluded.clicks)
insert into link_totals as t (url_id, clicks, bots, last_click)
select url_id, count(*), 0, max(at) from click group by url_id order by url_id
on conflict (url_id) do update set clicks = t.clicks + excluded.clicks, last_click = greatest(t.last_click, excluded.last_click)
