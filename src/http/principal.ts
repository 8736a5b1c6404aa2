// The caller, as the pipeline authenticated it; handlers use it to restrict a bound key to what it is bound to.

import { Problem } from '../base/problem.ts'
import type { Scope } from '../base/scope.ts'
import { tagsOf } from '../base/tag.ts'
import type { Owner } from '../database/ownership.ts'
import { exchangeOf } from './exchange.ts'

export type Principal = {
  /** How the caller was admitted: without a token (open mode, AUTH=off), by a credential, by another replica's signature, or not at all (a public route). */
  by: 'open' | 'off' | 'admin-token' | 'metrics-token' | 'key' | 'session' | 'replica' | 'nobody'
  scope: Scope | 'none'
  /** The API key, if there is one, also behind a session. */
  key?: { id: number; name: string }
  /** The user and the tag that the key is bound to: it sees and changes nothing else. */
  owner?: Owner
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

/** The restriction of this request; undefined if it may see everything that its scope allows. */
export const ownerOf = (request: Request): Owner => principalOf(request).owner

/** The user for a row that a request creates: the one that it names, or the user of a bound key. 403 if a bound key names another. */
export function ownUser(request: Request, named: number | null | undefined): number | null {
  const owner = ownerOf(request)
  if (owner === undefined) return named ?? null
  if (named != null && named !== owner.user)
    throw outOfBounds(
      'user_id',
      owner.user === undefined
        ? 'must be null for a key that is bound to a tag'
        : `must be ${owner.user}, the user that this key is bound to`,
    )
  return owner.user ?? null
}

/** The tags for a link that a request creates: those that it names, and the tag of a bound key. */
export function ownTags(request: Request, named: string[]): string[] {
  const tag = ownerOf(request)?.tag
  return tag === undefined ? named : tagsOf([...named, tag], 'tags')
}

/** 403 if the request removes the tag that its key is bound to, from one link or from all. */
export function assertNotOwnTag(request: Request, tag: string, field: string) {
  if (ownerOf(request)?.tag?.toLowerCase() === tag.toLowerCase())
    throw outOfBounds(field, 'must not be the tag that this key is bound to')
}

const outOfBounds = (field: string, message: string) => new Problem(403, `${field} ${message}`, { details: [{ field, message }] })
