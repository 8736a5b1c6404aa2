// Requests between replicas carry a signature instead of a token: whoever writes a false address into `replicas` learns nothing from it
// that another replica, another path or a second request would take.
import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Config } from '../config.ts'
import type { Access } from '../http/access.ts'
import type { Principal } from '../http/principal.ts'
import { Problem } from '../http/problem.ts'
import type { Clock } from './clock.ts'

const HEADER = 'X-Waypost-Fleet'
const VALID_FOR = 30_000 // ms before and after: what clocks may differ by
const REMEMBERED = 100_000 // requests within that time: 64 replicas that ask 26 times a second
const SHAPE = /^v1 ([0-9a-f-]{36}) (\d{13}) ([0-9a-f]{32}) ([A-Za-z0-9_-]{43})$/

export type Signer = ReturnType<typeof createSigner>

type Secrets = Pick<Config, 'FLEET_TOKEN' | 'ADMIN_TOKEN'>

/**
 * Signs what the replica `self` asks of others, and checks what others ask of it. The key comes from FLEET_TOKEN, or else, as that of sessions,
 * from the secret that all replicas have from the database and from ADMIN_TOKEN: neither alone suffices. `clock` is the one that all share.
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
  // Nonces that were used, oldest first, and when each may be forgotten: by a clock that nobody sets, else one that is put back keeps them all.
  // One that is put back by more than this makes what was overheard hold again, for as long: reads of a replica's figures and logs.
  const seen = new Map<string, number>()

  function key(): Buffer | undefined {
    const secret = shared()
    if (own || secret === undefined) return own
    if (derived?.from !== secret) derived = { from: secret, key: derive(secret, ADMIN_TOKEN ?? '') }
    return derived.key
  }

  const mac = (key: Buffer, ...parts: string[]) =>
    createHmac('sha256', key)
      .update(['v1', ...parts].join('\n'))
      .digest()

  function assertFirst(nonce: string, time: number) {
    const now = performance.now()
    for (const [old, until] of seen) {
      if (until > now) break
      seen.delete(old)
    }
    if (seen.has(nonce)) throw new Problem(401, 'this request was made before: its signature holds once')
    if (seen.size >= REMEMBERED)
      throw new Problem(503, 'too many requests of other replicas', { headers: { 'Retry-After': '30' } })
    seen.set(nonce, now + Math.max(time - clock.now(), 0) + VALID_FOR + 1_000)
  }

  return {
    /** The headers of a GET of `path` (with its query) from the replica `to`; undefined before the secret is known. */
    headers(to: string, path: string): Record<string, string> | undefined {
      const signing = key()
      if (!signing) return undefined
      const time = String(Math.round(clock.now()))
      const nonce = randomBytes(16).toString('hex')
      return { [HEADER]: `v1 ${to} ${time} ${nonce} ${mac(signing, 'GET', path, to, time, nonce).toString('base64url')}` }
    },

    /**
     * The principal of a request that another replica signed; undefined where it says nothing of the kind, or the route is not open to them.
     * 401 for a signature that does not hold, any more or again, 403 for one that was meant for another replica.
     */
    principalOf({ method, url, headers }: Request, { peers }: Pick<Access, 'peers'>): Principal | undefined {
      const given = peers ? headers.get(HEADER) : null
      if (given === null) return undefined
      const [, to, time, nonce, signature] = SHAPE.exec(given) ?? []
      const signing = key()
      if (!to || !time || !nonce || !signature || !signing) throw new Problem(401, `${HEADER} is not as replicas sign`)
      const path = url.slice(url.indexOf('/', 8))
      if (!timingSafeEqual(Buffer.from(signature, 'base64url'), mac(signing, method, path, to, time, nonce)))
        throw new Problem(401, 'the signature does not hold: FLEET_TOKEN, or else ADMIN_TOKEN, must be alike on all replicas')
      if (to !== self) throw new Problem(403, 'this request is for another replica')
      if (Math.abs(clock.now() - Number(time)) > VALID_FOR)
        throw new Problem(
          401,
          `the request is not of the last ${VALID_FOR / 1000} seconds: the clocks of the replicas must agree`,
        )
      if (new URL(url).searchParams.has('replica')) throw new Problem(403, 'one replica does not ask others through another')
      assertFirst(nonce, Number(time))
      return { by: 'replica', scope: 'read' }
    },
  }
}
