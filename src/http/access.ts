// The access that a route requires: declared in the route's OpenAPI detail, and enforced by the pipeline.

import { Problem } from '../base/problem.ts'
import { RANKS, type Scope } from '../base/scope.ts'
import type { Principal } from './principal.ts'

/**
 * `nobody`: public. `anyone`: public, credentials are checked if sent. `itself`: the route authenticates itself. A scope: this one or a higher.
 * `bound`: also for a key that is bound to a user or a tag; the route must restrict it to its `Owner`. `codes`: public if the path has a code in place of
 * the id. `peers`: also for another replica, to read; `write`: to have something done, in a request whose body is signed too.
 */
export type Access = { asks: Scope | 'nobody' | 'anyone' | 'itself'; bound: boolean; codes?: boolean; peers?: boolean | 'write' }

type Security = Record<string, string[]>[]
type Declared = {
  security?: Security
  'x-scope'?: Scope
  'x-bound'?: boolean
  'x-codes'?: boolean
  'x-peers'?: boolean | 'write'
}
type Openings = { bound?: boolean; codes?: boolean; peers?: boolean | 'write' }

/** For a route's `detail`: requires a credential of this scope or a higher one. Routes without a declaration require admin, and no bound key. */
export const needs = (scope: Scope, { bound = false, codes = false, peers = false }: Openings = {}) => ({
  security: [{ bearer: [] }, { session: [] }] as Security,
  'x-scope': scope,
  'x-bound': bound,
  ...(codes && { 'x-codes': true }),
  ...(peers && { 'x-peers': peers }),
})

/** For a route's `detail`: public, without authentication. */
export const openToAll = { security: [] as Security }

/** For a route's `detail`: public, but the caller is identified if possible. */
export const openToAnyone = { security: [{}, { bearer: [] }, { session: [] }] as Security }

/** For a route's `detail`: further error statuses for the OpenAPI document, besides those that follow from access, parameters and body. */
export const fails = (...statuses: number[]) => ({ 'x-fails': statuses })

/** For a route's `detail`: it checks a separate secret, which OpenAPI calls `scheme`. */
export const looksItself = (scheme: string) => ({ security: [{ [scheme]: [] }] as Security })

/** The access that a route's `detail` declares. */
export function accessIn(detail: unknown): Access {
  const { security, 'x-scope': scope, 'x-bound': bound = false, 'x-codes': codes, 'x-peers': peers } = (detail ?? {}) as Declared
  if (scope) return { asks: scope, bound, codes, peers }
  if (security === undefined) return { asks: 'admin', bound: false }
  if (security.length === 0) return { asks: 'nobody', bound: true }
  return { asks: security.some((way) => Object.keys(way).length === 0) ? 'anyone' : 'itself', bound: true }
}

/** 403 if the principal's scope is too low, naming the required one. */
export function assertAllowed({ scope, owner }: Principal, { asks, bound }: Access) {
  if (asks === 'nobody' || asks === 'anyone' || asks === 'itself') return
  if (RANKS[scope] < RANKS[asks]) throw new Problem(403, `this needs the scope ${asks}; yours is ${scope}`)
  if (owner && !bound)
    throw new Problem(403, `a key that is bound to a ${owner.tag === undefined ? 'user' : 'tag'} may not do this`)
}
