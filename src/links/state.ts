// The state of a link, which decides what a visit gets. Answers, filters, previews and metrics use the same.
import type { Sql } from '../database/guard.ts'
import { stateAt } from '../redirect/rules.ts'
import type { RowOf } from './columns.ts'

/** In the order in which they are decided: an inactive link is inactive, whether it has expired or not. */
export const STATES = ['blocked', 'inactive', 'expired', 'used_up', 'scheduled', 'active'] as const
export type State = (typeof STATES)[number]

type Deciding = Pick<RowOf<'shown'>, 'is_active' | 'valid_from' | 'valid_until' | 'used_up_at'>

/** The state at `now`, ms since 1970, of a link that is not deleted. */
export function stateOf({ is_active, valid_from, valid_until, used_up_at }: Deciding, blocked: boolean, now: number): State {
  if (blocked) return 'blocked'
  if (!is_active) return 'inactive'
  const from = valid_from === null ? Number.NEGATIVE_INFINITY : Date.parse(valid_from)
  const until = valid_until === null ? Number.POSITIVE_INFINITY : Date.parse(valid_until)
  return stateAt({ valid_from: from, valid_until: until, used_up: used_up_at !== null }, now)
}

/** The same as conditions on `urls u`, without `blocked`, which is decided before them. */
export function isInState(sql: Sql, state: Exclude<State, 'blocked'>) {
  const expired = sql`u.valid_until is not null and u.valid_until <= now()`
  const open = sql`u.is_active and (u.valid_until is null or u.valid_until > now())`
  return {
    inactive: sql`not u.is_active`,
    expired: sql`u.is_active and ${expired}`,
    used_up: sql`${open} and u.used_up_at is not null`,
    scheduled: sql`${open} and u.used_up_at is null and u.valid_from > now()`,
    active: sql`${open} and u.used_up_at is null and (u.valid_from is null or u.valid_from <= now())`,
  }[state]
}
