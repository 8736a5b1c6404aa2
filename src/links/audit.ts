// The audit log's record of a change to a link.
import type { Sql } from '../database/guard.ts'
import type { By } from '../http/principal.ts'
import { SECRET } from './columns.ts'

/** The details of an `updated` event, from a row `c` with the jsonb values `old_value` and `new_value` of its `field`. */
export const updatedDetails = (sql: Sql, by: By, secret = SECRET) => sql`
  jsonb_build_object('field', c.field) ||
  case when c.field = any(${secret}::text[]) then '{}' else jsonb_build_object('old_value', c.old_value, 'new_value', c.new_value) end ||
  ${sql.json(by)}::jsonb`
