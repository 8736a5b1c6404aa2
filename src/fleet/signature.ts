// Requests between replicas are signed, without a token: somebody who writes a false address into `replicas` learns nothing that another replica,
// another path or a second request would accept.
import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Guard } from '../access/limits/limits.ts'
import { Problem } from '../base/problem.ts'
import type { Config } from '../config/config.ts'
import type { Access } from '../http/access.ts'
import { readBytes } from '../http/body.ts'
import type { Principal } from '../http/principal.ts'
import type { Clock } from './clock.ts'

const HEADER = 'X-Waypost-Fleet'
const VALID_FOR = 30_000 // ms before and after: clocks may differ by this much
const REMEMBERED = 100_000 // requests within that time: 64 replicas with 26 queries a second each
/** v1 reads; v2 has something done, and includes the SHA-256 of the body. */
const SHAPE = /^(v1|v2) ([0-9a-f-]{36}) (\d{13}) ([0-9a-f]{32}) (?:([A-Za-z0-9_-]{43}) )?([A-Za-z0-9_-]{43})$/
const ORDERS = 10_000 // remembered whatever the clock does: an intercepted command is never executed again
const MAX_ORDER = 64 * 1024
const ORDER_WITHIN = 5_000

export type Signer = ReturnType<typeof createSigner>

type Secrets = Pick<Config, 'FLEET_TOKEN' | 'ADMIN_TOKEN'>

/**
 * Signs the requests of the replica `self`, and verifies those of others. The key is derived from FLEET_TOKEN, or else, like that of sessions, from the
 * secret that all replicas have from the database and from ADMIN_TOKEN: neither alone suffices. `clock` is the one that all share.
 */
export function createSigner(
  { FLEET_TOKEN, ADMIN_TOKEN }: Secrets,
  shared: () => string | undefined,
  self: string,
  clock: Pick<Clock, 'now'> = { now: () => Date.now() },
) {
  const derive = (secret: string, salt: string) => Buffer.from(hkdfSync('sha256', secret, salt, 'waypost fleet requests v1', 32))
  const own = FLEET_TOKEN === undefined ? undefined : derive(FLEET_TOKEN, '')
  let derived: { from: string; key: Buffer } | undefined
  // Used nonces, oldest first, and when each may be forgotten, by the monotonic clock: otherwise one that is set back would keep them all. If the shared
  // clock is set back by more than that, intercepted reads of a replica's figures and logs become valid again for as long.
  const seen = new Map<string, number>()
  const orders = new Set<string>()

  function key(): Buffer | undefined {
    const secret = shared()
    if (own || secret === undefined) return own
    if (derived?.from !== secret) derived = { from: secret, key: derive(secret, ADMIN_TOKEN ?? '') }
    return derived.key
  }

  const mac = (key: Buffer, ...parts: string[]) => createHmac('sha256', key).update(parts.join('\n')).digest()
  const digestOf = (body: string | Uint8Array) => createHash('sha256').update(body).digest('base64url')

  function assertFirst(nonce: string, time: number) {
    const now = performance.now()
    for (const [old, until] of seen) {
      if (until > now) break
      seen.delete(old)
    }
    if (seen.has(nonce)) throw new Problem(401, 'this request was sent before: a signature is valid once')
    if (seen.size >= REMEMBERED)
      throw new Problem(503, 'too many requests from other replicas', { headers: { 'Retry-After': '30' } })
    seen.set(nonce, now + Math.max(time - clock.now(), 0) + VALID_FOR + 1_000)
  }

  return {
    /**
     * The headers of a GET of `path` (with its query) from the replica `to`, or of an `order`: another method, and its body. Undefined while the secret is
     * unknown.
     */
    headers(to: string, path: string, order?: { method: string; body: string }): Record<string, string> | undefined {
      const signing = key()
      if (!signing) return undefined
      const time = String(Math.round(clock.now()))
      const nonce = randomBytes(16).toString('hex')
      if (!order)
        return { [HEADER]: `v1 ${to} ${time} ${nonce} ${mac(signing, 'v1', 'GET', path, to, time, nonce).toString('base64url')}` }
      const digest = digestOf(order.body)
      const signature = mac(signing, 'v2', order.method, path, to, time, nonce, digest).toString('base64url')
      return { [HEADER]: `v2 ${to} ${time} ${nonce} ${digest} ${signature}` }
    },

    /**
     * The principal of a request signed by another replica; undefined without a signature, or if the route is not open to replicas. 401 for an invalid,
     * expired or repeated signature, 403 for one that was meant for another replica. assertBody verifies an order's body.
     */
    principalOf({ method, url, headers }: Request, { peers }: Pick<Access, 'peers'>, guard: Guard): Principal | undefined {
      const given = peers ? headers.get(HEADER) : null
      if (given === null) return undefined
      const [, version, to, time, nonce, digest, signature] = SHAPE.exec(given) ?? []
      const signing = key()
      const isOrder = peers === 'write'
      if (
        !to ||
        !time ||
        !nonce ||
        !signature ||
        !signing ||
        (version === 'v2') !== isOrder ||
        (digest !== undefined) !== isOrder
      )
        throw new Problem(401, `${HEADER} is not a valid signature of a replica`)
      const path = url.slice(url.indexOf('/', 8))
      const signed = [version!, method, path, to, time, nonce, ...(digest === undefined ? [] : [digest])]
      const matches = () => (timingSafeEqual(Buffer.from(signature, 'base64url'), mac(signing, ...signed)) ? true : undefined)
      if (!(own ? guard(matches) : matches()))
        // without FLEET_TOKEN the key is 256 random bits, which cannot be guessed
        throw new Problem(
          401,
          'the signature is invalid: FLEET_TOKEN, or without it ADMIN_TOKEN, must be the same on all replicas',
        )
      if (to !== self) throw new Problem(403, 'this request is for another replica')
      if (Math.abs(clock.now() - Number(time)) > VALID_FOR)
        throw new Problem(
          401,
          `the request is not from the last ${VALID_FOR / 1000} seconds: the clocks of the replicas must agree`,
        )
      if (new URL(url).searchParams.has('replica')) throw new Problem(403, 'replicas do not forward queries to others')
      assertFirst(nonce, Number(time))
      if (isOrder) {
        if (orders.has(nonce)) throw new Problem(401, 'this request was sent before: a signature is valid once')
        if (orders.add(nonce).size > ORDERS) orders.delete(orders.values().next().value!)
      }
      return { by: 'replica', scope: isOrder ? 'write' : 'read' }
    },

    /** Throws Problem 401 unless the body of an order is the signed one. Reads a copy. */
    async assertBody(request: Request): Promise<void> {
      const digest = SHAPE.exec(request.headers.get(HEADER) ?? '')?.[5] ?? ''
      const body = await readBytes(request.clone(), MAX_ORDER, ORDER_WITHIN)
      if (digestOf(body) !== digest) throw new Problem(401, 'the body differs from the signed one')
    },
  }
}
