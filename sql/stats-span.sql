-- The span of statistics: the beginning of both statements (link-stats.sql and links-stats.sql).
-- $2 time zone  $3 from (s since 1970, or null)  $4 to (exclusive; null: now)
-- Buckets are complete: the first contains `from`, the last contains the moment before `to`. The lists of starts end with the end of the
-- last bucket.
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
day_starts as materialized (
  select array_agg(day_start(day, $2::text) order by day) as starts
  from span, generate_series(first_day::timestamp, last_day::timestamp + interval '1 day', '1 day') as day),
-- Breakdowns have UTC days: take all that overlap the span.
dates as materialized (
  select (starts[1] at time zone 'UTC')::date as first, (last_at at time zone 'UTC')::date as last from span, day_starts)
