import type { PendingQuery } from 'postgres'
import text from '../../sql/identity.sql' with { type: 'text' }
import type { Sql, Transaction } from './guard.ts'

/**
 * How far a reader is in step with the links: the database's identity, the snapshot of its last read, and the time (ms). The identity is that of the
 * cluster, its timeline (a promoted standby keeps the cluster's), the database and the table; with any difference, snapshots cannot be compared.
 */
export type Position = { identity: string; snapshot: string; at: number }

/** An SQL expression. */
export const IDENTITY = text.trimEnd()

/** The database's identity, as a column of a select. */
export const identityOf = (sql: Sql) => sql`${sql.unsafe(IDENTITY)} as identity`

/** The position of this statement's own snapshot. */
export async function positionNow(sql: Sql | Transaction): Promise<Position> {
  const at = Date.now()
  const query: PendingQuery<{ identity: string; snapshot: string }[]> = (sql as Sql)`
    select ${identityOf(sql as Sql)}, pg_current_snapshot()::text as snapshot`
  const [here] = await query
  return { ...here!, at }
}
