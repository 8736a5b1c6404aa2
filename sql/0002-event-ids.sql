-- Ids of events and their partitions whatever the clock says: an id is given out only where there is a partition for it.

-- The clock that ids follow.
create function event_clock() returns timestamptz language sql volatile as 'select clock_timestamp()';

-- The same within what ids can say: imported events have those before 2025, and JSON has no whole numbers beyond 2^53, in 2089.
create function event_time() returns timestamptz language sql volatile as
  $$ select least(greatest(event_clock(), '2025-01-01 00:00:00+00'), '2085-01-01 00:00:00+00') $$;

-- The months that have a partition, with its bounds. One that is being detached takes no more events.
create view events_months as
  select month, event_id_at(month) as first_id, event_id_at((month at time zone 'UTC' + interval '1 month') at time zone 'UTC') as end_id
  from pg_inherits join pg_class on pg_class.oid = inhrelid,
    lateral (select case when relname ~ '^events_20[0-9]{2}_(?:0[1-9]|1[0-2])$'
      then make_timestamptz(substr(relname, 8, 4)::int, substr(relname, 13, 2)::int, 1, 0, 0, 0, 'UTC') end as month) as named
  where inhparent = 'events'::regclass and not inhdetachpending and month is not null;

create function event_has_partition(id bigint) returns boolean language sql stable as $$
  select exists (
    select from pg_inherits where inhparent = 'events'::regclass and not inhdetachpending
      and inhrelid = to_regclass('events_' || to_char(timestamp '2020-01-01' + id / 4096 * interval '1 millisecond', 'YYYY_MM')))
$$;

-- Whether ids can begin there: for an hour's worth of ids there is a partition.
create function event_ids_fit(id bigint) returns boolean language sql stable as
  'select event_has_partition(id) and event_has_partition(id + 14745600000)';

-- The first id from `wanted` on where they can begin; null where they cannot.
create function event_id_with_partition(wanted bigint) returns bigint language sql stable as $$
  select min(greatest(wanted, first_id)) from events_months where end_id > wanted and event_ids_fit(greatest(wanted, first_id))
$$;

-- What callers add to an id, a batch's worth and more, stays in its partition or the next one.
create or replace function next_event_id() returns bigint language plpgsql as $$
declare
  ahead constant bigint := 1048576;
  id bigint := nextval('event_ids');
  clock timestamptz := event_time();
  earliest bigint := event_id_at(clock - interval '1 minute');
  fits boolean := event_has_partition(id + ahead);
  reached bigint;
  place bigint;
begin
  -- Where the clock's month has no partition the clock jumped: ids go on from where they are.
  if fits and (id >= earliest or not event_ids_fit(event_id_at(clock))) then return id; end if;
  -- The sequence lags by over a minute, or has left the partitions: one caller moves it, alone. It cannot be overtaken: a minute is 245 million ids.
  perform pg_advisory_lock(7767001);
  begin
    select last_value into reached from event_ids;
    if not event_has_partition(reached + ahead) then
      -- Nothing can be stored at ids without a partition, so none of those is given out twice. A minute's worth beyond what is stored is for events
      -- that were deleted, or are being written now.
      select coalesce(max(events.id), 0) + 268435456 into reached from events;
      place := coalesce(event_id_with_partition(greatest(event_id_at(clock), reached)), event_id_with_partition(reached));
      if place is null then
        raise exception 'no event can be stored: there is no partition for the time %', clock
          using errcode = 'object_not_in_prerequisite_state', hint = 'set the clock of the database, and restart waypost';
      end if;
    elsif reached < earliest and event_ids_fit(event_id_at(clock)) then
      place := event_id_at(clock);
    end if;
    if place is not null then perform setval('event_ids', place); end if;
  exception when others or query_canceled then
    perform pg_advisory_unlock(7767001); -- it is the session's, and would outlive the error
    raise;
  end;
  perform pg_advisory_unlock(7767001);
  return nextval('event_ids');
end $$;

-- A table of that name that is no partition is one again where it can be: it was left half-way by retention, or by a hand.
create or replace function create_events_partition(month timestamptz) returns void language plpgsql as $$
declare
  name text := format('events_%s', to_char(month at time zone 'UTC', 'YYYY_MM'));
begin
  if month < '2025-01-01 00:00:00+00' or month >= '2085-01-01 00:00:00+00' then return; end if;
  if exists (select from pg_inherits where inhrelid = to_regclass(name)) then return; end if;
  perform pg_advisory_xact_lock(7767005); -- replicas make them one after another
  if exists (select from pg_inherits where inhrelid = to_regclass(name)) then return; end if;
  if to_regclass(name) is null then
    execute format('create table %I (like events including all)', name);
  elsif (select array_agg(attname order by attname) from pg_attribute where attrelid = to_regclass(name) and attnum > 0 and not attisdropped)
      is distinct from (select array_agg(attname order by attname) from pg_attribute where attrelid = 'events'::regclass and attnum > 0 and not attisdropped) then
    return; -- somebody else's
  end if;
  execute format('alter table events attach partition %I for values from (%s) to (%s)', name,
    event_id_at(month), event_id_at((month at time zone 'UTC' + interval '1 month') at time zone 'UTC'));
end $$;

-- Partitions from the month of `at` on. Whoever gives the time has made sure of it.
create function create_events_partitions(months_ahead int, at timestamptz) returns void language plpgsql as $$
begin
  for i in 0 .. months_ahead loop
    perform create_events_partition((date_trunc('month', at at time zone 'UTC') + make_interval(months => i)) at time zone 'UTC');
  end loop;
end $$;

-- By the clock alone, so not where the last partition is long past: the clock may have jumped, and ids would follow it for good.
create or replace function create_events_partitions(months_ahead int) returns void language plpgsql as $$
declare
  newest timestamptz := (select max(month) from events_months);
begin
  if newest is null or event_time() < newest + interval '2 months' then
    perform create_events_partitions(months_ahead, event_time());
  end if;
end $$;
