import type { PendingQuery } from 'postgres'
import type { Sql, Transaction } from '../database/guard.ts'

/**
 * Up to where somebody is in step with the links: which database it is, the snapshot in which its last change was read, and when (ms).
 * The identity is the cluster's, its timeline's (a promoted standby keeps the first), the database's and the table's: any difference means that
 * the snapshots of one say nothing of the other.
 */
export type Position = { identity: string; snapshot: string; at: number }

/** The database's identity, for a select's list: as in sql/changes.sql. */
export const identityOf = (sql: Sql) => sql`
  concat_ws('/', (select system_identifier from pg_control_system()), left(pg_walfile_name(pg_current_wal_lsn()), 8),
    (select oid from pg_database where datname = current_database()), pg_relation_filenode('urls'),
    (select extract(epoch from stats_reset) from pg_stat_archiver where version() not like '%PGlite%')) as identity`

/** The position of this very statement's snapshot. */
export async function positionNow(sql: Sql | Transaction): Promise<Position> {
  const at = Date.now()
  const query: PendingQuery<{ identity: string; snapshot: string }[]> = (sql as Sql)`
    select ${identityOf(sql as Sql)}, pg_current_snapshot()::text as snapshot`
  const [here] = await query
  return { ...here!, at }
}
