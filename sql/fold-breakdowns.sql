-- Folds days of click_breakdowns that ended before the UTC day $1 into click_months: at most $3 rows, starting at link $2.
-- Returns the number of rows folded and the link to continue with. One session at a time: nobody else may write click_months during this.
with chunk as materialized (
  select b.url_id, b.day, b.dimension, b.value from click_breakdowns b
  where b.url_id >= $2 and b.day < $1::date
    and exists (select from urls u where u.id = b.url_id and u.purged_at is null)
  order by b.url_id, b.day, b.dimension, b.value limit $3 for update of b),
gone as (
  delete from click_breakdowns b using chunk where (b.url_id, b.day, b.dimension, b.value) = (chunk.url_id, chunk.day, chunk.dimension, chunk.value)
  returning b.url_id, date_trunc('month', b.day::timestamp)::date as month, b.dimension, b.value, b.day, b.clicks, b.bots),
counts as (
  select url_id, month, dimension, value, day - month as day, clicks, bots from gone
  union all
  select m.url_id, m.month, m.dimension, m.value, day, counted.clicks - lag(counted.clicks, 1, 0::bigint) over so_far,
    counted.bots - lag(counted.bots, 1, 0::bigint) over so_far
  from click_months m, unnest(m.days, m.clicks, m.bots) as counted (day, clicks, bots)
  where (m.url_id, m.month, m.dimension, m.value) in (select url_id, month, dimension, value from gone)
  window so_far as (partition by m.url_id, m.month, m.dimension, m.value order by day)),
added as (
  select url_id, month, dimension, value, day, greatest(sum(clicks), 0) as clicks, greatest(sum(bots), 0) as bots from counts group by 1, 2, 3, 4, 5),
running as (
  select url_id, month, dimension, value, day, sum(clicks) over so_far as clicks, sum(bots) over so_far as bots from added
  window so_far as (partition by url_id, month, dimension, value order by day)),
folded as (
  insert into click_months (url_id, month, dimension, value, days, clicks, bots)
  select url_id, month, dimension, value, array_agg(day order by day), array_agg(clicks order by day), array_agg(bots order by day)
  from running group by 1, 2, 3, 4 order by 1, 2, 3, 4
  on conflict (url_id, month, dimension, value) do update set days = excluded.days, clicks = excluded.clicks, bots = excluded.bots)
select count(*) as rows, max(url_id) as link from gone
