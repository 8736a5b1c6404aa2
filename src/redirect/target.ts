import type { Sql, Transaction } from '../database/guard.ts'

/**
 * What a redirect needs to know of a link. `location` is null where the link was deleted; `version` orders its changes. Where its host is
 * blocked it counts as not active, and `blocked` is the link as it would be otherwise.
 */
export type Target = { code: string; id: number; location: string | null; active: boolean; version: number; blocked?: Target }

/** The columns of a Target, from `urls u`. */
export const targetColumns = (sql: Sql | Transaction) => (sql as Sql)`
  u.short_code as code, u.id, case when u.deleted_at is null then coalesce(u.location, u.original_url) end as location,
  u.is_active and u.deleted_at is null as active, u.version`

/** Twice what the API takes: more fits into no proxy's buffer for headers, and would be a 502 to the visitor. */
const LONGEST = 8_192

/** What our own routes write: http or https, printable ASCII, so that it goes into a Location header as it is. */
const PLAIN = /^https?:\/\/[\x21-\x7e]+$/i

/**
 * The target as it may be redirected to. Rows also come from other hands (SQL, a restored dump, whoever writes into a shared Valkey): what
 * is no web address, or too long for a header, leads nowhere, as if it were deleted, and one that a header cannot carry is encoded.
 */
export function webTarget(target: Target): Target {
  const { location } = target
  if (location === null || (location.length <= LONGEST && PLAIN.test(location))) return target
  const url = location.length > LONGEST ? null : URL.parse(location)
  return { ...target, location: url && /^https?:$/.test(url.protocol) && url.href.length <= LONGEST ? url.href : null }
}
