-- The links that changed since the snapshot $1. Each row also carries the snapshot of this statement (where the next read starts), and
-- the identity of the database (identity.sql replaces the parameter).
-- xid is the transaction that last changed a link's redirect. Every row that was not visible in $1 is read, whenever its transaction
-- began: nothing is skipped, and nobody waits for a long transaction. There is always a first row, even if nothing changed.
-- The identity includes the time of the last statistics reset, because a crash resets them: ids of transactions lost in a crash are used
-- again, and the feed would take the new ones for seen. (The embedded database resets them at each start; its one replica makes all
-- changes itself.)
-- policy is the version of the policy (src/access/policy).
with here as (
  select :identity as identity,
    pg_current_snapshot()::text as snapshot, (select version from policy) as policy)
select here.identity, here.snapshot, here.policy, u.short_code as code, coalesce(u.alias_of, u.id) as id,
  case when u.deleted_at is null then coalesce(u.location, u.original_url) end as location,
  u.is_active and u.deleted_at is null as active, u.version, u.extra
from here left join urls u
  on u.xid >= pg_snapshot_xmin($1::pg_snapshot) and not pg_visible_in_snapshot(u.xid, $1::pg_snapshot)
