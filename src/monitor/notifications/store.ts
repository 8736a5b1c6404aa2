import type { Database } from '../../database/guard.ts'

export const LEASE = 10_000
const WITHIN = 1_000
const MAX_BYTES = 1024 * 1024 // of the row: twenty notifications take about 20 kB

export type NotificationStore = ReturnType<typeof notificationStore>

/** The single row of `notice_sender`: which replica sends, and what was sent. */
export function notificationStore(database: Database) {
  return {
    /**
     * Acquires the lease for `id` if it has been free for more than `patience` ms, or renews it; `notices` is what was recorded last. A
     * lease that ends too far in the future counts as free: it was written by another program, or while the database's clock was ahead.
     */
    async seek(id: string, patience: number): Promise<{ mine: boolean; notices: unknown }> {
      const [row] = await database.run(
        (sql) => sql<{ mine: boolean; notices: unknown }[]>`
          with taken as (
            insert into notice_sender as held (holder, until)
            values (${id}, clock_timestamp() + ${LEASE} * interval '1 ms')
            on conflict (only_row) do update set holder = excluded.holder, until = excluded.until
              where held.holder = ${id} or held.until < clock_timestamp() - ${patience} * interval '1 ms'
                or held.until > clock_timestamp() + ${2 * LEASE} * interval '1 ms'
            returning 1)
          select exists (select from taken) as mine,
            (select notices from notice_sender where pg_column_size(notices) < ${MAX_BYTES}) as notices`,
        WITHIN,
      )
      return row!
    },

    /** Only writes while `id` has the lease. */
    record: (id: string, notices: unknown[]) =>
      database.run((sql) => sql`update notice_sender set notices = ${sql.json(notices as never)} where holder = ${id}`, WITHIN),

    release: (id: string) =>
      database.run((sql) => sql`update notice_sender set until = '-infinity' where holder = ${id}`, WITHIN),
  }
}
