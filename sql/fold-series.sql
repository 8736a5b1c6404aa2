-- Folds days of click_series that ended before the UTC day $1 into click_days: at most $3 rows, starting at link $2.
-- Returns the number of rows folded and the link to continue with. One session at a time: nobody else may write click_days during this.
with chunk as materialized (
  select s.url_id, s.bucket from click_series s
  where s.url_id >= $2 and s.bucket < $1::date::timestamp at time zone 'UTC'
    and exists (select from urls u where u.id = s.url_id and u.purged_at is null)
  order by s.url_id, s.bucket limit $3 for update of s),
gone as (
  delete from click_series s using chunk where (s.url_id, s.bucket) = (chunk.url_id, chunk.bucket)
  returning s.url_id, s.bucket at time zone 'UTC' as bucket, s.clicks, s.bots),
counts as (
  select url_id, bucket::date as day, date_part('epoch', bucket - date_trunc('day', bucket))::int / 900 as quarter, clicks, bots from gone
  union all
  select d.url_id, d.day, quarter, counted.clicks - lag(counted.clicks, 1, 0::bigint) over so_far, counted.bots - lag(counted.bots, 1, 0::bigint) over so_far
  from click_days d, unnest(d.quarters, d.clicks, d.bots) as counted (quarter, clicks, bots)
  where (d.url_id, d.day) in (select url_id, bucket::date from gone)
  window so_far as (partition by d.url_id, d.day order by quarter)),
added as (
  select url_id, day, quarter, greatest(sum(clicks), 0) as clicks, greatest(sum(bots), 0) as bots from counts group by 1, 2, 3),
running as (
  select url_id, day, quarter, sum(clicks) over so_far as clicks, sum(bots) over so_far as bots from added
  window so_far as (partition by url_id, day order by quarter)),
folded as (
  insert into click_days (url_id, day, quarters, clicks, bots)
  select url_id, day, array_agg(quarter order by quarter), array_agg(clicks order by quarter), array_agg(bots order by quarter)
  from running group by 1, 2 order by 1, 2
  on conflict (url_id, day) do update set quarters = excluded.quarters, clicks = excluded.clicks, bots = excluded.bots)
select count(*) as rows, max(url_id) as link from gone
