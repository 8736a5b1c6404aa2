import type { Database, Sql } from '../database/guard.ts'
import { pageOf } from '../database/paging.ts'
import { countUpTo } from '../database/totals.ts'
import type { Page, Total } from '../http/page.ts'
import { invalid, notFound, Problem } from '../http/problem.ts'
import { MAX_KEYS } from '../policy/policy.ts'
import type { Key, MadeKey, NewKey } from './schema.ts'
import { makeSecret } from './secret.ts'

export type KeyStore = ReturnType<typeof keyStore>

/** Who asked, for the audit log. */
type By = Record<string, unknown>

const FOREIGN_KEY = '23503'

export function keyStore(database: Database) {
  return {
    /** Makes a key and writes `key_created`. 404 for an unknown user. */
    async create({ name, scope, user_id = null, expires_at = null }: NewKey, by: By): Promise<MadeKey> {
      if (user_id !== null && scope !== 'read' && scope !== 'write')
        throw invalid('scope', 'must be read or write for a key that is bound to a user')
      if (user_id !== null && !Number.isSafeInteger(user_id)) throw notFound('User')
      const until = expires_at === null ? null : endOf(expires_at)
      const { key, prefix, hash } = makeSecret()
      const [row] = await database
        .run(
          (sql) => sql<Key[]>`
            with made as (
              insert into api_keys (name, prefix, hash, scope, user_id, expires_at)
              select ${name}, ${prefix}, ${hash}, ${scope}, ${user_id}::bigint, ${until}::timestamptz
              where (select count(*) from api_keys where revoked_at is null and (expires_at is null or expires_at > now())) < ${MAX_KEYS}
              returning *),
            logged as (
              insert into events (id, event_type, details)
              select next_event_id(), 'key_created', ${said(sql)} || ${sql.json(by as never)}::jsonb from made)
            select ${columns(sql)} from made`,
        )
        .catch((error) => {
          throw (error as { code?: string }).code === FOREIGN_KEY ? notFound('User') : error
        })
      if (!row) throw new Problem(409, `there are ${MAX_KEYS} keys, and no more can be held: revoke some`)
      return { ...row, key }
    },

    /** All keys that were ever made, those revoked or expired too. */
    async list(page: Page): Promise<{ rows: Key[]; total: Total }> {
      return database.run(async (sql) => {
        const rows = sql<Key[]>`select ${columns(sql)} from api_keys where true ${pageOf(sql, page)}`
        const [found, total] = await Promise.all([rows, countUpTo(sql, sql`select 1 from api_keys`)])
        return { rows: [...found], total }
      })
    },

    /** The key never opens anything again. Writes `key_revoked`; 404 where there is no such key, or it was revoked before. */
    async revoke(id: number, by: By): Promise<Key> {
      const [row] = await database.run(
        (sql) => sql<Key[]>`
          with revoked as (update api_keys set revoked_at = now() where id = ${id} and revoked_at is null returning *),
          logged as (
            insert into events (id, event_type, details)
            select next_event_id(), 'key_revoked', ${said(sql)} || ${sql.json(by as never)}::jsonb from revoked)
          select ${columns(sql)} from revoked`,
      )
      if (!row) throw notFound('Key')
      return row
    },

    /** Notes when keys were last used: ms by key id. */
    async noteUses(uses: Map<number, number>): Promise<void> {
      const ids = [...uses.keys()].sort((a, b) => a - b) // two replicas lock them in one order
      await database.run(
        (sql) => sql`
          update api_keys k set last_used_at = greatest(last_used_at, to_timestamp(used.ms / 1000.0))
          from (
            select k.id, u.ms from unnest(${ids}::bigint[], ${ids.map((id) => uses.get(id)!)}::bigint[]) as u (id, ms)
            join api_keys k using (id) order by k.id for update of k) as used
          where k.id = used.id`,
      )
    },
  }
}

const columns = (sql: Sql) => sql`id, name, prefix, scope, user_id, created_at, expires_at, last_used_at, revoked_at`

const said = (sql: Sql) => sql`
  jsonb_build_object('id', id, 'name', name, 'prefix', prefix, 'scope', scope, 'user_id', user_id, 'expires_at', expires_at)`

/** A moment in the future, as ISO 8601; a day alone begins at midnight UTC. */
function endOf(text: string): string {
  const at = new Date(text)
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d))?$/.test(text) || Number.isNaN(at.getTime()))
    throw invalid('expires_at', 'must be a day or a moment with its zone, 2027-01-31 or 2027-01-31T12:00:00Z')
  if (at.getTime() <= Date.now()) throw invalid('expires_at', 'must be in the future')
  return at.toISOString()
}
