-- What changed since the snapshot $1, with the snapshot of this very statement as the next one to begin from, and the database's identity.
-- xid is the transaction that last changed a link's redirect. Everything that was not visible in $1 is read, whenever it began: nothing is
-- skipped, and nobody waits for a long transaction. A first row is always there, also where nothing changed.
-- The identity includes when statistics were last reset, which a crash does: transactions that it forgot give their numbers to new ones, and the
-- cursor would take those for seen. (The embedded database resets them at each start; its one replica makes all changes itself.)
-- policy is the version of what src/policy holds.
with here as (
  select concat_ws('/', (select system_identifier from pg_control_system()), left(pg_walfile_name(pg_current_wal_lsn()), 8),
    (select oid from pg_database where datname = current_database()), pg_relation_filenode('urls'),
      (select extract(epoch from stats_reset) from pg_stat_archiver where version() not like '%PGlite%')) as identity,
    pg_current_snapshot()::text as snapshot, (select version from policy) as policy)
select here.identity, here.snapshot, here.policy, u.short_code as code, u.id,
  case when u.deleted_at is null then coalesce(u.location, u.original_url) end as location,
  u.is_active and u.deleted_at is null as active, u.version
from here left join urls u
  on u.xid >= pg_snapshot_xmin($1::pg_snapshot) and not pg_visible_in_snapshot(u.xid, $1::pg_snapshot)
