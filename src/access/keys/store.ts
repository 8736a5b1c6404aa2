import { invalid, notFound, Problem } from '../../base/problem.ts'
import { isBound } from '../../base/scope.ts'
import { tagOf } from '../../base/tag.ts'
import { readTime } from '../../base/time.ts'
import type { Database, Sql } from '../../database/guard.ts'
import type { Page, Total } from '../../database/paging.ts'
import { pageOf } from '../../database/paging.ts'
import { hasState } from '../../database/sql-state.ts'
import { countUpTo } from '../../database/totals.ts'
import type { By } from '../../http/principal.ts'
import { MAX_KEYS } from '../policy/policy.ts'
import type { Key, MadeKey, NewKey } from './schema.ts'
import { createSecret, taggedHash } from './secret.ts'

export type KeyStore = ReturnType<typeof keyStore>

export function keyStore(database: Database) {
  return {
    /** Creates a key and writes `key_created`. 404 for an unknown user. `handOver` gets the key before the commit; if it throws, no key is created. */
    async create(
      { name, scope, user_id = null, only_tag = null, expires_at = null }: NewKey,
      by: By,
      handOver: (made: MadeKey) => void = () => {},
    ): Promise<MadeKey> {
      const tag = only_tag === null ? null : tagOf(only_tag, 'only_tag')
      if (isBound({ user_id, only_tag }) && scope !== 'read' && scope !== 'write')
        throw invalid('scope', `must be read or write for a key that is bound to a ${tag === null ? 'user' : 'tag'}`)
      if (user_id !== null && !Number.isSafeInteger(user_id)) throw notFound('User')
      const until = expires_at === null ? null : endOf(expires_at)
      const { key, prefix, hash: own } = createSecret()
      const hash = tag === null ? own : Buffer.from(taggedHash(Buffer.from(own).toString('hex')), 'hex')
      return database
        .transaction(async (transaction) => {
          const sql = transaction as unknown as Sql
          const [row] = await sql<Key[]>`
            with made as (
              insert into api_keys (name, prefix, hash, scope, user_id, only_tag, expires_at)
              select ${name}, ${prefix}, ${hash}, ${scope}, ${user_id}::bigint, ${tag}::text, ${until}::timestamptz
              where (select count(*) from api_keys where revoked_at is null and (expires_at is null or expires_at > now())) < ${MAX_KEYS}
              returning *),
            logged as (
              insert into events (id, event_type, details)
              select next_event_id(), 'key_created', ${details(sql)} || ${sql.json(by)}::jsonb from made)
            select ${columns(sql)} from made`
          if (!row) throw new Problem(409, `there are ${MAX_KEYS} keys, the maximum: revoke some`)
          handOver({ ...row, key })
          return { ...row, key }
        })
        .catch((error) => {
          throw hasState(error, 'foreign_key_violation') ? notFound('User') : error
        })
    },

    /** All keys, revoked and expired ones too. */
    async list(page: Page): Promise<{ rows: Key[]; total: Total }> {
      return database.run(async (sql) => {
        const rows = sql<Key[]>`select ${columns(sql)} from api_keys where true ${pageOf(sql, page)}`
        const [found, total] = await Promise.all([rows, countUpTo(sql, sql`select 1 from api_keys`)])
        return { rows: [...found], total }
      })
    },

    /** Revokes a key for good, and writes `key_revoked`; 404 if it does not exist, or was revoked before. */
    async revoke(id: number, by: By): Promise<Key> {
      const [row] = await database.run(
        (sql) => sql<Key[]>`
          with revoked as (update api_keys set revoked_at = now() where id = ${id} and revoked_at is null returning *),
          logged as (
            insert into events (id, event_type, details)
            select next_event_id(), 'key_revoked', ${details(sql)} || ${sql.json(by)}::jsonb from revoked)
          select ${columns(sql)} from revoked`,
      )
      if (!row) throw notFound('Key')
      return row
    },

    /** Stores when keys were last used: ms by key id. */
    async noteUses(uses: Map<number, number>): Promise<void> {
      const ids = [...uses.keys()].sort((a, b) => a - b) // so that all replicas lock them in the same order
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

const columns = (sql: Sql) => sql`id, name, prefix, scope, user_id, only_tag, created_at, expires_at, last_used_at, revoked_at`

const details = (sql: Sql) => sql`
  jsonb_build_object('id', id, 'name', name, 'prefix', prefix, 'scope', scope, 'user_id', user_id, 'only_tag', only_tag, 'expires_at', expires_at)`

/** A time in the future, as ISO 8601; a date starts at midnight UTC. Unlike in base/time.ts, a time needs its zone: the expiry must not be a guess. */
function endOf(text: string): string {
  const end = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d))?$/.test(text) ? readTime(text) : undefined
  if (end === undefined)
    throw invalid('expires_at', 'must be a date, or a time with its zone: 2027-01-31 or 2027-01-31T12:00:00Z')
  if (Date.parse(end) <= Date.now()) throw invalid('expires_at', 'must be in the future')
  return end
}
