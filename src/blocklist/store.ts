import { domainToUnicode } from 'node:url'
import { type Database, DatabaseAway, type Sql } from '../database/guard.ts'
import { pageOf } from '../database/paging.ts'
import { countUpTo } from '../database/totals.ts'
import type { Page, Total } from '../http/page.ts'
import { notFound, Problem } from '../http/problem.ts'
import { MAX_HOSTS } from '../policy/policy.ts'
import type { BlockedHost } from './schema.ts'

export type BlocklistStore = ReturnType<typeof blocklistStore>

/** Who asked, for the audit log. */
type By = Record<string, unknown>

const COUNT_WITHIN = 1_000

export function blocklistStore(database: Database) {
  return {
    async list(page: Page): Promise<{ rows: BlockedHost[]; total: Total }> {
      return database.run(async (sql) => {
        const rows = sql<BlockedHost[]>`select ${columns(sql)} from blocked_hosts where true ${pageOf(sql, page)}`
        const [found, total] = await Promise.all([rows, countUpTo(sql, sql`select 1 from blocked_hosts`)])
        return { rows: [...found], total }
      })
    },

    /** Blocks a host; one that is blocked already gets the new reason. `made`: it was not. Writes `host_blocked`. */
    async add(host: string, reason: string | null, by: By): Promise<BlockedHost & { made: boolean }> {
      const [row] = await database.run(
        (sql) => sql<(BlockedHost & { made: boolean })[]>`
          with blocked as (
            insert into blocked_hosts as b (host, reason)
            select ${host}, ${reason}::text
            where (select count(*) from blocked_hosts) < ${MAX_HOSTS} or exists (select from blocked_hosts where host = ${host})
            on conflict (host) do update set reason = coalesce(excluded.reason, b.reason)
            returning *, xmax = 0 as made),
          logged as (
            insert into events (id, event_type, details)
            select next_event_id(), 'host_blocked', ${sql.json({ host, reason, ...by } as never)} from blocked where made)
          select ${columns(sql)}, made from blocked`,
      )
      if (!row) throw new Problem(409, `the blocklist holds ${MAX_HOSTS} hosts and no more: put them into BLOCKLIST_FILE`)
      return row
    },

    /** Takes a host off the list; 404 where it is not on it. Writes `host_unblocked`. */
    async remove(host: string, by: By): Promise<void> {
      const gone = await database.run(
        (sql) => sql`
          with gone as (delete from blocked_hosts where host = ${host} returning host)
          insert into events (id, event_type, details)
          select next_event_id(), 'host_unblocked', ${sql.json({ host, ...by } as never)} from gone returning id`,
      )
      if (gone.length === 0) throw notFound('Blocked host')
    },

    /** How many links lead to the host or below it, as their targets are written; null where it takes too long to say. */
    async linksTo(host: string): Promise<number | null> {
      const pattern = `^https?://([^/?#@]*@)?([^/?#@:]*\\.)?${host.replace(/[.[\]]/g, '\\$&')}\\.?(:\\d*)?([/?#]|$)`
      const written = [host, domainToUnicode(host) || host].map((name) => `%${name.replace(/_/g, '\\_')}%`)
      return database
        .run(
          (sql) =>
            countUpTo(
              sql,
              sql`
                select 1 from urls
                where deleted_at is null and coalesce(location, original_url) ~* ${pattern}
                  and (short_code || ' ' || coalesce(original_url, '') || ' ' || coalesce(title, '')) ilike any (${written}::text[])`, // has an index
            ),
          COUNT_WITHIN,
        )
        .then(
          ({ count }) => count,
          (error) => {
            if (error instanceof DatabaseAway) return null
            throw error
          },
        )
    },
  }
}

const columns = (sql: Sql) => sql`id, host, reason, created_at`
