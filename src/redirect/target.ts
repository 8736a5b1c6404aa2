import type { Sql, Transaction } from '../database/guard.ts'

/** What a redirect needs to know of a link. `location` is null where the link was deleted; `version` orders its changes. */
export type Target = { code: string; id: number; location: string | null; active: boolean; version: number }

/** The columns of a Target, from `urls u`. */
export const targetColumns = (sql: Sql | Transaction) => (sql as Sql)`
  u.short_code as code, u.id, case when u.deleted_at is null then coalesce(u.location, u.original_url) end as location,
  u.is_active and u.deleted_at is null as active, u.version`
