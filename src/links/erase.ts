// Erasing: purged links and those of deleted users lose their events and totals, in chunks; the bare row with the code stays.
// Another replica's journal, or a transaction under way, may still bring clicks for them, so each erasure stays on a list and is done
// again until every transaction older than it has ended.
import type { Database } from '../database/guard.ts'
import { type Target, targetColumns } from '../redirect/target.ts'

const LINKS_A_CHUNK = 1_000
const ROWS_A_CHUNK = 5_000

/** Erases one link. Returns its target, or undefined where there is no such link (or it is purged already). */
export async function purgeLink(database: Database, id: number): Promise<Target | undefined> {
  const [link] = await database.run(
    (sql) => sql<Target[]>`
      with purged as (
        update urls set deleted_at = coalesce(deleted_at, now()), purged_at = now(), is_active = false,
          original_url = null, location = null, title = null, user_id = null
        where id = ${id} and purged_at is null returning *),
      listed as (insert into erasures (url_id) select id from purged on conflict do nothing)
      select ${targetColumns(sql)} from purged u`,
  )
  if (link) await eraseEvents(database, [id])
  return link
}

/** Erases all links of a user, deleted ones too, and the user's events. Returns their targets. */
export async function deleteLinksOf(database: Database, userId: number): Promise<Target[]> {
  const targets: Target[] = []
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
    targets.push(...links)
    await eraseEvents(
      database,
      links.map(({ id }) => id),
    )
  }
  await inChunks(() =>
    database.run(
      (sql) => sql`delete from events where id in (select id from events where user_id = ${userId} limit ${ROWS_A_CHUNK})`,
    ),
  )
  return targets
}

/** Goes through the list of erasures once; the server calls it every few seconds. Returns how many are done for good. */
export async function continueErasures(database: Database): Promise<number> {
  const listed = await database.run(
    (sql) => sql<{ url_id: number }[]>`select url_id from erasures order by xid limit ${LINKS_A_CHUNK}`,
  )
  if (listed.length === 0) return 0
  const ids = listed.map(({ url_id }) => url_id)
  // Who may still write clicks of a link is older than its erasure: what is settled before the last look is settled for good.
  const settled = await database.run(
    (sql) =>
      sql<
        { url_id: number }[]
      >`select url_id from erasures where url_id = any(${ids}::bigint[]) and xid < pg_snapshot_xmin(pg_current_snapshot())`,
  )
  await eraseEvents(database, ids)
  const done = settled.map(({ url_id }) => url_id)
  if (done.length > 0) await database.run((sql) => sql`delete from erasures where url_id = any(${done}::bigint[])`)
  return done.length
}

async function eraseEvents(database: Database, ids: number[]) {
  await inChunks(() =>
    database.run(
      (sql) =>
        sql`delete from events where id in (select id from events where url_id = any(${ids}::bigint[]) limit ${ROWS_A_CHUNK})`,
    ),
  )
  await inChunks(() =>
    database.run(
      (sql) =>
        sql`delete from click_breakdowns where ctid in (select ctid from click_breakdowns where url_id = any(${ids}::bigint[]) limit ${ROWS_A_CHUNK})`,
    ),
  )
  await inChunks(() =>
    database.run(
      (sql) =>
        sql`delete from click_series where ctid in (select ctid from click_series where url_id = any(${ids}::bigint[]) limit ${ROWS_A_CHUNK})`,
    ),
  )
  await database.run((sql) => sql`delete from link_totals where url_id = any(${ids}::bigint[])`)
}

async function inChunks(chunk: () => Promise<{ count: number }>) {
  while ((await chunk()).count === ROWS_A_CHUNK);
}
