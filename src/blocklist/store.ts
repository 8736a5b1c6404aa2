import { domainToUnicode } from 'node:url'
import { MAX_HOSTS } from '../access/policy/policy.ts'
import { notFound, Problem } from '../base/problem.ts'
import { DatabaseUnreachable } from '../database/database-unreachable.ts'
import type { Database, Sql } from '../database/guard.ts'
import { liveLinks } from '../database/ownership.ts'
import type { Page, Total } from '../database/paging.ts'
import { pageOf } from '../database/paging.ts'
import { countUpTo } from '../database/totals.ts'
import type { By } from '../http/principal.ts'
import type { BlockedHost } from './schema.ts'

export type BlocklistStore = ReturnType<typeof blocklistStore>

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

    /**
     * Blocks a host, or updates the reason if it is blocked already (`created` false). Writes `host_blocked`. 409 when the list is full.
     */
    async add(host: string, reason: string | null, by: By): Promise<BlockedHost & { created: boolean }> {
      const [row] = await database.run(
        (sql) => sql<(BlockedHost & { created: boolean })[]>`
          with blocked as (
            insert into blocked_hosts as b (host, reason)
            select ${host}, ${reason}::text
            where (select count(*) from blocked_hosts) < ${MAX_HOSTS} or exists (select from blocked_hosts where host = ${host})
            on conflict (host) do update set reason = coalesce(excluded.reason, b.reason)
            returning *, xmax = 0 as created),
          logged as (
            insert into events (id, event_type, details)
            select next_event_id(), 'host_blocked', ${sql.json({ host, reason, ...by })} from blocked where created)
          select ${columns(sql)}, created from blocked`,
      )
      if (!row) throw new Problem(409, `the blocklist is full (${MAX_HOSTS} hosts): put further hosts into BLOCKLIST_FILE`)
      return row
    },

    /** Removes a host from the list; 404 if it is not on it. Writes `host_unblocked`. */
    async remove(host: string, by: By): Promise<void> {
      const gone = await database.run(
        (sql) => sql`
          with gone as (delete from blocked_hosts where host = ${host} returning host)
          insert into events (id, event_type, details)
          select next_event_id(), 'host_unblocked', ${sql.json({ host, ...by })} from gone returning id`,
      )
      if (gone.length === 0) throw notFound('Blocked host')
    },

    /** Number of links whose target has this host or a subdomain; null if counting takes more than a second. */
    async linksTo(host: string): Promise<number | null> {
      const pattern = `^https?://([^/?#@]*@)?([^/?#@:]*\\.)?${host.replace(/[.[\]]/g, '\\$&')}\\.?(:\\d*)?([/?#]|$)`
      const written = (name: string) => `%${name.replace(/_/g, '\\_')}%`
      return database
        .run(
          (sql) =>
            countUpTo(
              sql,
              sql`
                select 1 from urls
                where ${liveLinks(sql, undefined)} and lower(coalesce(location, original_url) collate "C") ~ ${pattern}
                  and (${anywhere(sql)} ilike case_pattern(${written(host)}) or ${anywhere(sql)} ilike case_pattern(${written(domainToUnicode(host) || host)}))`,
            ),
          COUNT_WITHIN,
        )
        .then(
          ({ count }) => count,
          (error) => {
            if (error instanceof DatabaseUnreachable) return null
            throw error
          },
        )
    },
  }
}

const columns = (sql: Sql) => sql`id, host, reason, created_at`

/** The indexed expression. */
const anywhere = (sql: Sql) => sql`(short_code || ' ' || coalesce(original_url, '') || ' ' || coalesce(title, ''))`
