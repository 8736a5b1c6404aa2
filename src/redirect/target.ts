import type { Sql, Transaction } from '../database/guard.ts'
import { type Row, SELECT_LIST } from './columns.ts'
import type { Rules } from './rules.ts'

/**
 * What a redirect needs of a link. `location` is null if the link was deleted; `version` orders its changes. If its host is blocked,
 * `active` is false and `blocked` is the unblocked link. If it has rules, `active` is false and `ruled` has them, with the link as stored: so
 * a plain link pays nothing for either.
 */
export type Target = Row & { blocked?: Target; ruled?: Rules }

/** The columns of a Target, from `urls u`. */
export const targetColumns = (sql: Sql | Transaction) => sql.unsafe(SELECT_LIST)

/** The same as one JSON column, `target`. */
export const targetJson = (sql: Sql) => sql`(select to_json(target) from (select ${targetColumns(sql)}) as target) as target`

/** Twice the API's limit. A longer one exceeds the header buffers of proxies, and visitors would get 502. */
export const LONGEST_URL = 8_192

/** What our routes write: http or https in printable ASCII, valid in a Location header. */
const PLAIN = /^https?:\/\/[\x21-\x7e]+$/i

/**
 * Makes a target safe to redirect to. Rows may come from elsewhere (SQL, a restored dump, another writer in a shared Valkey). If the
 * target is not a web address or too long for a header, `location` becomes null, as if deleted; characters that a header cannot contain
 * are encoded.
 */
export function webTarget(target: Target): Target {
  const { location } = target
  if (location === null) return target
  const safe = webLocation(location)
  return safe === location ? target : { ...target, location: safe }
}

/** The same for a URL. */
export function webLocation(location: string): string | null {
  if (location.length > LONGEST_URL) return null
  if (PLAIN.test(location)) return location
  const url = URL.parse(location)
  return url && /^https?:$/.test(url.protocol) && url.href.length <= LONGEST_URL ? url.href : null
}
