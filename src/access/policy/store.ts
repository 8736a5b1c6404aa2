import type { Resource } from '../../base/resource.ts'
import type { Scope } from '../../base/scope.ts'
import type { Database } from '../../database/guard.ts'
import { identityOf } from '../../database/position.ts'
import type { By } from '../../http/principal.ts'

export const policyResource = { tables: { policy: {} } } satisfies Resource

/** The maximum that every replica keeps in memory, and that can be created. */
export const MAX_KEYS = 10_000
export const MAX_HOSTS = 100_000

/** A version of the policy, in one database. */
export type Edition = { identity: string; version: number }

export type PolicyRow = Edition & {
  keyed: boolean
  session_secret: string
  keys: {
    hash: string
    id: number
    name: string
    scope: Scope
    user_id: number | null
    only_tag?: string | null
    expires_at: number | null
  }[]
  hosts: string[]
}

/** `oddHosts`: how many rows of blocked_hosts do not have the form of a link's host. */
type Found = PolicyRow & { oddHosts: number }

const DEADLINE = 10_000

/** Reads the whole policy in one statement; undefined if it is still the edition `held`. Leaves out revoked keys. */
export async function readPolicy(database: Database, held: Edition | undefined): Promise<Found | undefined> {
  const [row] = await database.run(
    (sql) => sql<(Omit<Found, 'hosts'> & { hosts: string | null })[]>`
      with here as (select ${identityOf(sql)}, version, keyed, session_secret from policy),
      known as (select host, octet_length(host) <= 253 and host ~ '^[^A-Z\\s]*[.:][^A-Z\\s]*$' as is_host from blocked_hosts),
      news as (select * from here where (identity, version) is distinct from (${held?.identity ?? ''}, ${held?.version ?? 0}::bigint))
      select identity, version, keyed, encode(session_secret, 'hex') as session_secret,
        (select coalesce(json_agg(json_build_object('hash', encode(hash, 'hex'), 'id', id, 'name', left(name, 500), 'scope', scope,
            'user_id', user_id, 'only_tag', left(only_tag, 500), 'expires_at', case when isfinite(expires_at) then (extract(epoch from expires_at) * 1000)::bigint end)), '[]')
          from (
            select * from api_keys where revoked_at is null and (expires_at is null or expires_at > now()) order by id limit ${MAX_KEYS}) as held) as keys,
        (select string_agg(host, E'\n') from (select host from known where is_host order by host limit ${MAX_HOSTS}) as held) as hosts,
        (select count(*)::int from known where not is_host) as "oddHosts"
      from news`,
    DEADLINE,
  )
  return row && { ...row, hosts: row.hosts?.split('\n') ?? [] }
}

/** Ends every session, by replacing the secret that signs them. `by` is the caller, for the audit log. */
export const renewSessionSecret = (database: Database, by: By) =>
  database.run(
    (sql) => sql`
      with renewed as (
        update policy set version = version + 1, session_secret = uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
        returning version)
      insert into events (id, event_type, details)
      select next_event_id(), 'signed_out_everywhere', ${sql.json(by)} from renewed`,
  )
