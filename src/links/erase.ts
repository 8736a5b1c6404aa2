// Erasing: purged links and those of deleted users lose their events and totals, in chunks; the bare row with the code stays.
// A batch of clicks under way may still bring some for them, so each erasure stays on a list and is done again until nobody can any more.
import type { Database } from '../database/guard.ts'
import { type Owner, ownLinks } from '../database/ownership.ts'
import { type Target, targetColumns } from '../redirect/target.ts'

const LINKS_A_CHUNK = 1_000
const ROWS_A_CHUNK = 5_000

/** Erases one link. Returns its target, or undefined where there is no such link (or it is purged already). */
export async function purgeLink(database: Database, id: number, owner: Owner): Promise<Target | undefined> {
  const [link] = await database.run(
    (sql) => sql<Target[]>`
      with purged as (
        update urls set deleted_at = coalesce(deleted_at, now()), purged_at = now(), is_active = false,
          original_url = null, location = null, title = null, user_id = null
        where id = ${id} and purged_at is null ${ownLinks(sql, owner)} returning *),
      listed as (insert into erasures (url_id) select id from purged on conflict do nothing)
      select ${targetColumns(sql)} from purged u`,
  )
  if (link) await eraseEvents(database, [id])
  return link
}

/**
 * Erases all links of a user, deleted ones too, and the user's events. `changed` is told of each chunk as soon as it is committed: other replicas
 * would find it before they are told, and if the rest fails it is gone all the same.
 */
export async function deleteLinksOf(database: Database, userId: number, changed: (targets: Target[]) => void): Promise<void> {
  for (;;) {
    const links = await database.run(
      (sql) => sql<Target[]>`
        with chunk as (select id from urls where user_id = ${userId} order by id limit ${LINKS_A_CHUNK}),
        purged as (
          update urls u set deleted_at = coalesce(deleted_at, now()), purged_at = now(), is_active = false,
            original_url = null, location = null, title = null, user_id = null
          from chunk where u.id = chunk.id returning u.*),
        listed as (insert into erasures (url_id) select id from purged on conflict do nothing)
        select ${targetColumns(sql)} from purged u`,
    )
    if (links.length === 0) break
    changed(links)
    await eraseEvents(
      database,
      links.map(({ id }) => id),
    )
  }
  await inChunks(() =>
    database.run(
      (sql) => sql`
        delete from events where id = any(array(
          select id from events where user_id = ${userId} order by id limit ${ROWS_A_CHUNK} for update))`,
    ),
  )
}

/** Goes through the list of erasures once; the server calls it every few seconds. Returns how many are done for good. */
export async function continueErasures(database: Database): Promise<number> {
  const listed = await database.run(
    (sql) => sql<{ url_id: number }[]>`select url_id from erasures order by xid limit ${LINKS_A_CHUNK}`,
  )
  if (listed.length === 0) return 0
  const ids = listed.map(({ url_id }) => url_id)
  // Who adds clicks of a link looks in the same statement whether it is purged. A statement that began before the purge was committed may belong
  // to a younger transaction, so first all of those must have ended, and then all transactions that there were at that moment.
  await database.run(
    (sql) => sql`
      update erasures set seen = true, xid = pg_current_xact_id() where not seen and age(xid::xid) > (
        select coalesce(max(age(backend_xmin)), 0) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid())`,
  )
  const settled = await database.run(
    (sql) => sql<{ url_id: number }[]>`
      select url_id from erasures where url_id = any(${ids}::bigint[]) and seen and xid < pg_snapshot_xmin(pg_current_snapshot())`,
  )
  await eraseEvents(database, ids)
  const done = settled.map(({ url_id }) => url_id)
  if (done.length > 0) await database.run((sql) => sql`delete from erasures where url_id = any(${done}::bigint[])`)
  return done.length
}

// Rows are locked in the order of keys, as those who count lock them (store-clicks.sql), and as other replicas that erase the same do.
async function eraseEvents(database: Database, ids: number[]) {
  await inChunks(() =>
    database.run(
      (sql) => sql`
        delete from events where id = any(array(
          select id from events where url_id = any(${ids}::bigint[]) order by url_id, id limit ${ROWS_A_CHUNK} for update))`,
    ),
  )
  await inChunks(() =>
    database.run(
      (sql) => sql`
        with chunk as materialized (
          select url_id, day, dimension, value from click_breakdowns where url_id = any(${ids}::bigint[])
          order by url_id, day, dimension, value limit ${ROWS_A_CHUNK} for update)
        delete from click_breakdowns b using chunk
        where (b.url_id, b.day, b.dimension, b.value) = (chunk.url_id, chunk.day, chunk.dimension, chunk.value)`,
    ),
  )
  await inChunks(() =>
    database.run(
      (sql) => sql`
        with chunk as materialized (
          select url_id, bucket from click_series where url_id = any(${ids}::bigint[])
          order by url_id, bucket limit ${ROWS_A_CHUNK} for update)
        delete from click_series s using chunk where (s.url_id, s.bucket) = (chunk.url_id, chunk.bucket)`,
    ),
  )
  // Folded counts last: whoever folds takes rows of the series first.
  await database.run((sql) => sql`delete from click_days where url_id = any(${ids}::bigint[])`)
  await database.run((sql) => sql`delete from click_months where url_id = any(${ids}::bigint[])`)
  await database.run(
    (sql) => sql`
      delete from link_totals where url_id = any(array(
        select url_id from link_totals where url_id = any(${ids}::bigint[]) order by url_id for update))`,
  )
}

async function inChunks(chunk: () => Promise<{ count: number }>) {
  while ((await chunk()).count === ROWS_A_CHUNK);
}
