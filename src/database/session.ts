// The session settings that Waypost relies on, whatever role, database or server set: pinned here for every connection.
import type { Sql, Transaction } from './guard.ts'
import { hasState } from './sql-state.ts'

/**
 * Settings that change how values are written, read, compared or found, how long a statement may take, or which messages are sent. Planner, memory and
 * tablespaces are up to the operator: they change no result.
 */
export const PINNED = {
  client_encoding: 'UTF8',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  timezone_abbreviations: 'Default',
  extra_float_digits: '1', // the shortest text that gives the same number
  bytea_output: 'hex',
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  transform_null_equals: 'off',
  quote_all_identifiers: 'off', // names of partitions are read from regclass
  gin_fuzzy_search_limit: '0', // otherwise a search may miss rows
  client_min_messages: 'notice', // a warning reports a commit that the standby did not confirm
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  statement_timeout: '10s',
  lock_timeout: '5s',
  idle_in_transaction_session_timeout: '30s',
  idle_session_timeout: '0',
}

/** Poolers accept these at the start of a connection, and apply each client's values to its transactions. */
const POOLED = ['client_encoding', 'DateStyle', 'TimeZone', 'standard_conforming_strings'] as const

/**
 * What a first connection revealed. `pooled`: there is a pooler, which assigns a session per transaction. `more`: further settings to pin, because the
 * role or the database changed them.
 */
export type Session = { pooled: boolean; more: Record<string, string> }

/** The state before the first connection, with what the URL says. */
export const newSession = (pooled = false): Session => ({ pooled, more: {} })

/**
 * Start-up parameters of each connection. `given` are the operator's, from the URL. `waypost.session` is read back afterwards: if it is missing, a
 * pooler dropped the others too.
 */
export function startOf({ pooled, more }: Session, given: Record<string, string> = {}): Record<string, string> {
  if (pooled) return Object.fromEntries(POOLED.map((name) => [name, PINNED[name]]))
  return { ...given, ...more, ...PINNED, 'waypost.session': 'pinned' }
}

/** Runs one transaction with the pinned settings: through a pooler it may be any session, so the transaction sets them for itself. */
export function transactionIn<T>(
  sql: Sql,
  { pooled, more }: Session,
  given: Record<string, string>,
  work: (sql: Transaction) => PromiseLike<T>,
): Promise<T> {
  if (!pooled) return sql.begin(work as never) as Promise<T>
  const settings = Object.entries({ ...given, ...more, ...PINNED })
  const pins = settings.map(([name, value]) => `set local ${name} to ${literal(name, value)}`).join('; ')
  return sql.begin('isolation level read committed not deferrable', async (transaction) => {
    const [, result] = await Promise.all([transaction.unsafe(pins).simple().execute(), work(transaction)]) // sent together
    return result
  }) as Promise<T>
}

/** A list, as in search_path, must not be quoted. */
const literal = (name: string, value: string) => (name === 'search_path' ? value : `'${value.replaceAll("'", "''")}'`)

const SESSION = `
  select current_setting('waypost.session', true) as marker, current_setting('synchronous_commit') = 'off' as lax,
    coalesce(current_setting('transaction_timeout', true), '0') <> '0' as bounded,
    (select quote_ident(n.nspname) || ', ' || current_setting('search_path') from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.oid = to_regclass('link_totals') and n.nspname is distinct from current_schema()) as home`

type Found = { marker: string | null; lax: boolean; bounded: boolean; home: string | null }

/** Examines the session of a new connection; returns the new knowledge, or undefined if nothing changed. */
export async function learn(sql: Sql, known: Session): Promise<Session | undefined> {
  let found: Found
  try {
    const [row] = await sql.unsafe<Found[]>(SESSION).simple() // one round trip
    found = row!
  } catch (error) {
    if (!known.pooled && isRefusedByPooler(error)) return { ...known, pooled: true }
    throw error
  }
  if (!known.pooled && found.marker === null) return { ...known, pooled: true }
  const more: Record<string, string> = { ...known.more }
  if (found.lax) more.synchronous_commit = 'on' // acknowledged changes must survive a crash
  if (found.bounded) more.transaction_timeout = '0' // an import is one transaction; its statements are bounded
  if (found.home !== null) more.search_path = found.home // new tables belong next to the existing ones
  return Object.keys(more).length > Object.keys(known.more).length ? { ...known, more } : undefined
}

/** PgBouncer's error for an unknown start-up parameter; it is never translated. */
export const isRefusedByPooler = (error: unknown) => {
  const { message = '' } = error as { message?: string }
  return hasState(error, 'protocol_violation') && /unsupported startup parameter/.test(message)
}
