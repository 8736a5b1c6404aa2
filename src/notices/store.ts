import type { Database } from '../database/guard.ts'

export const LEASE = 10_000
const WITHIN = 1_000

export type NoticeStore = ReturnType<typeof noticeStore>

/** The one row of `notice_sender`: which replica sends, and what was sent. */
export function noticeStore(database: Database) {
  return {
    /** Takes or renews the lease for `id` where it is free, for more than `patience` ms; `notices` is what was recorded last. */
    async seek(id: string, patience: number): Promise<{ mine: boolean; notices: unknown }> {
      const [row] = await database.run(
        (sql) => sql<{ mine: boolean; notices: unknown }[]>`
          with taken as (
            insert into notice_sender as held (holder, until)
            values (${id}, clock_timestamp() + ${LEASE} * interval '1 ms')
            on conflict (only_row) do update set holder = excluded.holder, until = excluded.until
              where held.holder = ${id} or held.until < clock_timestamp() - ${patience} * interval '1 ms'
            returning 1)
          select exists (select from taken) as mine, (select notices from notice_sender) as notices`,
        WITHIN,
      )
      return row!
    },

    /** Only while the lease is `id`'s. */
    record: (id: string, notices: unknown[]) =>
      database.run((sql) => sql`update notice_sender set notices = ${sql.json(notices as never)} where holder = ${id}`, WITHIN),

    release: (id: string) =>
      database.run((sql) => sql`update notice_sender set until = '-infinity' where holder = ${id}`, WITHIN),
  }
}
