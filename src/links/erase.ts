// Erasing: deletes the events and totals of purged links and of deleted users' links, in chunks; a bare row with the code stays.
// A batch of clicks in flight may still add some, so each erasure stays on a list and is repeated until no such batch can exist.
import type { Database, Sql, Transaction } from '../database/guard.ts'
import { type Owner, ownLinks } from '../database/ownership.ts'
import { inPortions, portionUpTo } from '../database/portion.ts'
import type { By } from '../http/principal.ts'
import { type Target, targetColumns } from '../redirect/target.ts'
import { aliasTargets } from './aliases/store.ts'

const LINKS_AT_ONCE = 1_000
const linksPortion = portionUpTo(LINKS_AT_ONCE)
const rowsPortion = portionUpTo(5_000)

/**
 * Erases one link. The audit log keeps a `purged` event with the caller (`by`). Returns the link and its aliases as redirects see them; nothing if
 * there is no such link (or it is purged already).
 */
export async function purgeLink(database: Database, id: number, owner: Owner, by: By): Promise<Target[]> {
  const links = await database.run(
    (sql) => sql<Target[]>`
      with purged as (
        update urls set ${purging(sql)}
        where id = ${id} and alias_of is null and purged_at is null ${ownLinks(sql, owner)} returning *),
      ${following(sql)},
      logged as (
        insert into events (id, event_type, details)
        select next_event_id(), 'purged', jsonb_build_object('url_id', id, 'short_code', short_code) || ${sql.json(by)}::jsonb from purged)
      select ${targetColumns(sql)} from purged u`,
  )
  if (links.length === 0) return []
  await eraseEvents(database, [id])
  return [...links, ...(await aliasTargets(database, [id]))]
}

/**
 * Erases all links of a user, deleted ones too, and the user's events. Calls `changed` for each chunk as soon as it is committed, because
 * other replicas see it then, and because it stays deleted even if a later chunk fails.
 */
export async function deleteLinksOf(database: Database, userId: number, changed: (targets: Target[]) => void): Promise<void> {
  await inPortions(linksPortion, async (limit) => {
    const links = await database.run(
      (sql) => sql<Target[]>`
        with chunk as (select id from urls where user_id = ${userId} order by id limit ${limit}),
        counted as materialized (select from link_totals where url_id in (select id from chunk) order by url_id for update), -- see changing.ts
        purged as (
          update urls u set ${purging(sql)}
          from chunk where u.id = chunk.id and (select count(*) from counted) >= 0 returning u.*),
        ${following(sql)}
        select ${targetColumns(sql)} from purged u`,
    )
    const ids = links.map(({ id }) => id)
    if (links.length > 0) changed([...links, ...(await aliasTargets(database, ids))])
    await eraseEvents(database, ids)
    return links.length
  })
  await inPortions(rowsPortion, async (limit) => {
    const { count } = await database.run(
      (sql) => sql`
        delete from events where id = any(array(
          select id from events where user_id = ${userId} order by id limit ${limit} for update))`,
    )
    return count
  })
}

/** What purging makes of a row: its code stays. Triggers remove the rest. */
const purging = (sql: Sql) => sql`
  deleted_at = coalesce(deleted_at, now()), purged_at = now(), is_active = false, original_url = null, location = null, title = null, user_id = null`

/** Puts the links in `purged` on the list, and forgets the answers that contain them. */
const following = (sql: Sql) => sql`
  listed as (insert into erasures (url_id) select id from purged on conflict do nothing),
  forgotten as (delete from answers where location in (select '/urls/' || id from purged))`

/** Processes the list of erasures once; the server calls it every few seconds. Returns the number of finished erasures. */
export async function continueErasures(database: Database): Promise<number> {
  const listed = await database.run(
    (sql) => sql<{ url_id: number }[]>`select url_id from erasures order by xid limit ${LINKS_AT_ONCE}`,
  )
  if (listed.length === 0) return 0
  const ids = listed.map(({ url_id }) => url_id)
  // A statement that adds clicks checks whether the link is purged. One that began before the purge was committed may belong to a younger
  // transaction. So first all such statements must have ended, and then all transactions that existed at that moment.
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

/**
 * The counts to erase, in this order, with the rest of their keys. Folded counts come after the series, the order in which folding locks
 * them.
 */
const COUNTS = {
  click_breakdowns: ['day', 'dimension', 'value'],
  click_series: ['bucket'],
  click_days: ['day'],
  click_months: ['month', 'dimension', 'value'],
}

async function eraseEvents(database: Database, ids: number[]) {
  await eraseTables(database, { events: ['id'], clicks: ['id'], ...COUNTS, link_totals: [] }, ids)
}

/** Erases the counts of links in portions; the totals stay. */
export const eraseCounts = (database: Database, ids: number[]) => eraseTables(database, COUNTS, ids)

/** The same at once, within a transaction that locks them. */
export async function eraseCountsOf(sql: Transaction, id: number) {
  for (const [table, rest] of Object.entries(COUNTS)) await eraseRows(sql, table, ['url_id', ...rest], [id], null)
}

async function eraseTables(database: Database, tables: Record<string, string[]>, ids: number[]) {
  const inOrder = ids.toSorted((a, b) => a - b)
  for (const [table, rest] of Object.entries(tables))
    await inPortions(rowsPortion, async (limit) => {
      const { count } = await database.run((sql) => eraseRows(sql, table, ['url_id', ...rest], inOrder, limit))
      return count
    })
}

/**
 * Locks rows in the order of their keys, as store-clicks.sql and other replicas do. Searches link by link: with one search for all links,
 * PostgreSQL would sort all their rows for each portion.
 */
function eraseRows(sql: Sql | Transaction, table: string, key: string[], ids: number[], limit: number | null) {
  const same = key.map((column) => `t.${column} = chunk.${column}`).join(' and ')
  return (sql as Sql).unsafe(
    `with chunk as materialized (
       select found.* from unnest($1::bigint[]) as link (id) cross join lateral (
         select ${key.join()} from ${table} where url_id = link.id order by ${key.join()} limit $2 for update) as found
       limit $2)
     delete from ${table} t using chunk where ${same}`,
    [ids, limit],
  )
}
