// The caller, as the pipeline authenticated it; handlers use it to restrict a bound key to its user's rows.

import { Problem } from '../base/problem.ts'
import type { Scope } from '../base/scope.ts'
import { exchangeOf } from './exchange.ts'

export type Principal = {
  /** How the caller was admitted: without a token (open mode, AUTH=off), by a credential, by another replica's signature, or not at all (a public route). */
  by: 'open' | 'off' | 'admin-token' | 'metrics-token' | 'key' | 'session' | 'replica' | 'nobody'
  scope: Scope | 'none'
  /** The API key, if there is one, also behind a session. */
  key?: { id: number; name: string }
  /** The user that the key is bound to: it sees and changes only what is this user's. */
  userId?: number
}

/** An unauthenticated caller, on a public route. */
export const NOBODY: Principal = { by: 'nobody', scope: 'none' }

/** The caller of this request. */
export const principalOf = (request: Request): Principal => exchangeOf(request).principal

/**
 * The caller, as events record it, next to the other details: how it was admitted, and its key, also behind a session. A session without a
 * key was opened with ADMIN_TOKEN. Some changes do not come through the API.
 */
export type By = { by: Principal['by'] | 'chaos-token' | 'command line' | 'server'; key_id?: number; key_name?: string }

/** The caller for the audit log. */
export function askedBy(request: Request): By {
  const { by, key } = principalOf(request)
  return { by, ...(key && { key_id: key.id, key_name: key.name }) }
}

/** The user to whom this request is restricted; undefined if it may see everything that its scope allows. */
export const ownerOf = (request: Request): number | undefined => principalOf(request).userId

/** The owner of what a request creates: the user it names, or a bound key's own. 403 if a bound key names another. */
export function ownUser(request: Request, named: number | null | undefined): number | null {
  const owner = ownerOf(request)
  if (owner === undefined) return named ?? null
  if (named != null && named !== owner) {
    const message = `must be ${owner}, the user that this key is bound to`
    throw new Problem(403, `user_id ${message}`, { details: [{ field: 'user_id', message }] })
  }
  return owner
}
