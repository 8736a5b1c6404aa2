// Who asks, as the pipeline found out; handlers read it to keep a bound key to its user's own.
import { exchangeOf } from './exchange.ts'
import { Problem } from './problem.ts'

/** admin may do everything; write includes read; metrics may only read the exposition. */
export type Scope = 'admin' | 'write' | 'read' | 'metrics'

export type Principal = {
  /** How it was let in: without a token (open mode, AUTH=off), by a credential, by another replica's signature, or not at all (a public route). */
  by: 'open' | 'off' | 'admin-token' | 'metrics-token' | 'key' | 'session' | 'replica' | 'nobody'
  scope: Scope | 'none'
  /** The API key, where there is one: also behind a session. */
  key?: { id: number; name: string }
  /** The user that the key is bound to: it sees and changes only what is this user's. */
  userId?: number
}

/** Nobody in particular, on a route that is open to all. */
export const NOBODY: Principal = { by: 'nobody', scope: 'none' }

/** Who sent this request. */
export const principalOf = (request: Request): Principal => exchangeOf(request).principal

/** Who asked, for the audit log: `{by, key_id?, key_name?}`. */
export function askedBy(request: Request): Record<string, unknown> {
  const { by, key } = principalOf(request)
  return { by, ...(key && { key_id: key.id, key_name: key.name }) }
}

/** The user that this request is kept to; undefined where it may see everything that its scope allows. */
export const ownerOf = (request: Request): number | undefined => principalOf(request).userId

/** The user that what a request makes belongs to: the one it names, or a bound key's own. 403 where such a key names another. */
export function ownUser(request: Request, named: number | null | undefined): number | null {
  const owner = ownerOf(request)
  if (owner === undefined) return named ?? null
  if (named != null && named !== owner) {
    const message = `must be ${owner}, the user that this key is bound to`
    throw new Problem(403, `user_id ${message}`, { details: [{ field: 'user_id', message }] })
  }
  return owner
}
