import type { Database } from '../database/guard.ts'
import { IDENTITY, identityOf } from '../database/position.ts'

/** `granted` is null until all replicas have confirmed their leases to a database that was promoted; `total` is what this journal was granted. */
type Granted = { granted: number | null; total: number; elsewhere: number }

export type Held = { id: number; limit: number; total: number; spent: number }

export type LeaseStore = ReturnType<typeof leaseStore>

/**
 * Leases of this process, whose clicks go to the journal `journalId`. With the embedded database there are no other replicas to wait for. Each statement
 * has a greater `turn` than those before it, because the database may run them in another order.
 */
export function leaseStore(database: Database, journalId: string, embedded: boolean) {
  return {
    /** Leases `wanted` clicks, which visits wait for, or more, as far as they are left. Undefined: the link has another limit by now. */
    async lease(id: number, limit: number, turn: number, spent: number, wanted: number): Promise<Granted | undefined> {
      const [row] = await database.run(
        (sql) => sql<Granted[]>`
          select * from lease_clicks(${id}, ${limit}, ${journalId}, ${turn}, ${spent}, ${wanted}, ${embedded ? sql`null` : sql.unsafe(IDENTITY)})`,
      )
      return row
    },

    giveBack: (id: number, limit: number, turn: number, spent: number) =>
      database.run((sql) => sql`select return_lease(${id}, ${limit}, ${journalId}, ${turn}, ${spent})`),

    /** The database's identity, and which of these links have no click left that nobody has leased. */
    async look(ids: number[]): Promise<{ identity: string; empty: number[] }> {
      const [row] = await database.run(
        (sql) => sql<{ identity: string; empty: number[] | null }[]>`
          select ${identityOf(sql)},
            (select array_agg(url_id) from allowances where url_id = any(${ids}::bigint[]) and "left" <= 0) as empty`,
      )
      return { identity: row!.identity, empty: row!.empty ?? [] }
    },

    confirm: (held: Held[]) =>
      database.run(
        (sql) => sql`
          select confirm_leases(${journalId}, ${held.map(({ id }) => id)}::bigint[], ${held.map(({ limit }) => limit)}::bigint[],
            ${held.map(({ total }) => total)}::bigint[], ${held.map(({ spent }) => spent)}::bigint[])`,
      ),
  }
}
