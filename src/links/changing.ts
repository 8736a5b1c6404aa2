// The SQL that changes and deletes links, one or many: common table expressions after `old`, which has selected and locked them.
import type { Sql } from '../database/guard.ts'
import type { By } from '../http/principal.ts'
import { updatedDetails } from './audit.ts'
import { CHANGED, jsonOf } from './columns.ts'
import type { Change } from './given.ts'
import { locationOf } from './target.ts'

const SET = [...CHANGED, 'location']

/**
 * Gives the links in `old` (all columns) the values in `change`. `changes` has each field that differs, and there is an `updated` event for
 * it; `updated` has the changed links.
 */
export const changing = (sql: Sql, change: Change, by: By) => sql`
  ${comparing(sql, change)},
  updated as (
    update urls u set (${sql.unsafe(SET.join(', '))}, updated_at) = (${sql.unsafe(SET.map((name) => `w.${name}`).join(', '))}, now())
    from wanted w where u.id = w.id and u.id in (select id from changes) returning u.*),
  moved as materialized (select next_event_id() from changes limit 1),
  logged as (
    insert into events (id, url_id, user_id, event_type, timestamp, details)
    select nextval('event_ids'), u.id, u.user_id, 'updated', now(), ${updatedDetails(sql, by)}
    from moved cross join updated u join changes c using (id))`

/** The first part of `changing`, which changes nothing. */
export function comparing(sql: Sql, { add, remove, ...change }: Change) {
  const tags = change.tags ? sql`${change.tags}::text[]` : sql`old.tags`
  const tagged =
    add && remove ? sql`|| jsonb_build_object('tags', changed_tags(${tags}, ${add}::text[], ${remove}::text[]))` : sql``
  const location = change.original_url === undefined ? undefined : locationOf(change.original_url)
  const given = CHANGED.filter((name) => change[name] !== undefined || (name === 'tags' && add && remove))
  return sql`
    wanted as (
      select wanted.* from old,
        jsonb_populate_record(row(old.*)::urls, ${jsonOf({ ...change, location }, SET)}::text::jsonb ${tagged}) as wanted),
    compared as (select id, to_jsonb(old) as old, to_jsonb(wanted) as wanted from old join wanted using (id)),
    changes as (
      select id, field, old -> field as old_value, wanted -> field as new_value from compared, unnest(${given}::text[]) as field
      where wanted -> field is distinct from old -> field)`
}

/**
 * Deletes the links in `old`; `deleted` has them. Their totals are locked first, in the order in which batches of clicks lock them: the
 * trigger changes them.
 */
export const deleting = (sql: Sql, reason: string, by: By) => sql`
  counted as materialized (select from link_totals where url_id in (select id from old) order by url_id for update),
  deleted as (
    update urls u set deleted_at = now(), updated_at = now(), is_active = false, original_url = null, location = null, title = null
    where u.id in (select id from old) and (select count(*) from counted) >= 0 returning u.*),
  moved as materialized (select next_event_id() from old limit 1),
  logged as (
    insert into events (id, url_id, user_id, event_type, timestamp, details)
    select nextval('event_ids'), id, user_id, 'deleted', now(), jsonb_build_object('reason', ${reason}::text) || ${sql.json(by)}::jsonb
    from moved cross join deleted)`
