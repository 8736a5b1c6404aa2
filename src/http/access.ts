// What a route asks of its caller: declared at the route, in its OpenAPI detail, and read from there by the pipeline.
import type { Principal, Scope } from './principal.ts'
import { Problem } from './problem.ts'

/**
 * `nobody`: the route is public. `anyone`: who calls is found out where something says so. `itself`: the route looks for itself.
 * A scope: this one or a higher. `bound`: also for a key that is bound to a user, which the route then keeps to what is this user's.
 * `codes`: public where the path has a code in place of the id. `peers`: also for another replica of the fleet, which then may only read.
 */
export type Access = { asks: Scope | 'nobody' | 'anyone' | 'itself'; bound: boolean; codes?: boolean; peers?: boolean }

type Security = Record<string, string[]>[]
type Declared = { security?: Security; 'x-scope'?: Scope; 'x-bound'?: boolean; 'x-codes'?: boolean; 'x-peers'?: boolean }

const RANKS: Record<Scope | 'none', number> = { none: 0, metrics: 1, read: 2, write: 3, admin: 4 }

/** For a route's `detail`: needs a credential of this scope or a higher one. What declares nothing needs admin, and no bound key. */
export const needs = (scope: Scope, { bound = false, codes = false, peers = false } = {}) => ({
  security: [{ bearer: [] }, { session: [] }] as Security,
  'x-scope': scope,
  'x-bound': bound,
  ...(codes && { 'x-codes': true }),
  ...(peers && { 'x-peers': true }),
})

/** For a route's `detail`: open to everybody, who is not even looked at. */
export const openToAll = { security: [] as Security }

/** For a route's `detail`: open to everybody, but it matters who calls. */
export const openToAnyone = { security: [{}, { bearer: [] }, { session: [] }] as Security }

/** For a route's `detail`: it looks at a secret of its own, which OpenAPI calls `scheme`. */
export const looksItself = (scheme: string) => ({ security: [{ [scheme]: [] }] as Security })

/** What the `detail` of a route declares. */
export function accessIn(detail: unknown): Access {
  const { security, 'x-scope': scope, 'x-bound': bound = false, 'x-codes': codes, 'x-peers': peers } = (detail ?? {}) as Declared
  if (scope) return { asks: scope, bound, codes, peers }
  if (security === undefined) return { asks: 'admin', bound: false }
  if (security.length === 0) return { asks: 'nobody', bound: true }
  return { asks: security.some((way) => Object.keys(way).length === 0) ? 'anyone' : 'itself', bound: true }
}

/** 403 where the principal's scope does not suffice, saying which would. */
export function assertAllowed({ scope, userId }: Principal, { asks, bound }: Access) {
  if (asks === 'nobody' || asks === 'anyone' || asks === 'itself') return
  if (RANKS[scope] < RANKS[asks]) throw new Problem(403, `this needs the scope ${asks}; yours is ${scope}`)
  if (userId !== undefined && !bound) throw new Problem(403, 'this is not open to a key that is bound to a user')
}
