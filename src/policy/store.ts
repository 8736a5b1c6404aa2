import type { Database } from '../database/guard.ts'
import type { Scope } from '../http/principal.ts'
import { identityOf } from '../redirect/position.ts'

/** What every replica can hold, and no more may be made. */
export const MAX_KEYS = 10_000
export const MAX_HOSTS = 100_000

/** A database's policy: which one said so, and the version that it had. */
export type Edition = { identity: string; version: number }

export type PolicyRow = Edition & {
  keyed: boolean
  session_secret: string
  keys: { hash: string; id: number; name: string; scope: Scope; user_id: number | null; expires_at: number | null }[]
  hosts: string[]
}

const DEADLINE = 10_000

/** The whole policy in one statement; undefined where it is still the edition `held`. Revoked keys are left out: nobody knows them. */
export async function readPolicy(database: Database, held: Edition | undefined): Promise<PolicyRow | undefined> {
  const [row] = await database.run(
    (sql) => sql<(Omit<PolicyRow, 'hosts'> & { hosts: string | null })[]>`
      with here as (select ${identityOf(sql)}, version, keyed, session_secret from policy),
      news as (select * from here where (identity, version) is distinct from (${held?.identity ?? ''}, ${held?.version ?? 0}::bigint))
      select identity, version, keyed, encode(session_secret, 'hex') as session_secret,
        (select coalesce(json_agg(json_build_object('hash', encode(hash, 'hex'), 'id', id, 'name', name, 'scope', scope,
            'user_id', user_id, 'expires_at', (extract(epoch from expires_at) * 1000)::bigint)), '[]')
          from (
            select * from api_keys where revoked_at is null and (expires_at is null or expires_at > now()) order by id limit ${MAX_KEYS}) as held) as keys,
        (select string_agg(host, E'\n') from (select host from blocked_hosts order by host limit ${MAX_HOSTS}) as held) as hosts
      from news`,
    DEADLINE,
  )
  return row && { ...row, hosts: row.hosts?.split('\n') ?? [] }
}

/** Every session ends: they were signed with the secret that goes. `by` is who asked for it, for the audit log. */
export const renewSessionSecret = (database: Database, by: Record<string, unknown>) =>
  database.run(
    (sql) => sql`
      with renewed as (
        update policy set version = version + 1, session_secret = uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
        returning version)
      insert into events (id, event_type, details)
      select next_event_id(), 'signed_out_everywhere', ${sql.json(by as never)} from renewed`,
  )
