// Authenticates requests: the operator by ADMIN_TOKEN, an API key, a session created from either; or anyone on this machine in open mode.
import { timingSafeEqual } from 'node:crypto'
import { isLoopback } from '../base/ip.ts'
import { Problem, unavailable } from '../base/problem.ts'
import { isBound } from '../base/scope.ts'
import { type Config, ConfigError } from '../config/config.ts'
import type { Access } from '../http/access.ts'
import { type Address, assertLoopback, assertSameOrigin, assertSentByOwnPage } from '../http/address.ts'
import type { Cors } from '../http/cors.ts'
import { NOBODY, type Principal } from '../http/principal.ts'
import type { Guard } from './limits/limits.ts'
import type { Policy, PolicyKey } from './policy/policy.ts'
import type { Sessions } from './sessions/session.ts'

/** open: no credential was ever created, anyone on this machine may do everything. off: anyone. token: by credential. unknown: no database yet. */
export type Mode = 'open' | 'off' | 'token' | 'unknown'

/** Finds valid keys, and notes their use. */
export type Keyring = {
  /** The key with this token. */
  find: (token: string) => { hash: string; key: PolicyKey } | undefined
  byHash: (hash: string) => PolicyKey | undefined
}

/** The principal of a credential; for a key also its hash, and its expiry (ms). */
type Holder = { principal: Principal; hash?: string; until?: number }

type Parts = { config: Config; policy: { current: () => Policy }; keyring: Keyring; sessions: Sessions; cors: Cors | undefined }

export type Auth = ReturnType<typeof createAuth>

/** Throws ConfigError if the server would be open to a network by accident. */
export function assertNotOpenToNetwork({ AUTH, ADMIN_TOKEN, HOST, TRUSTED_PROXIES }: Config) {
  if (AUTH === 'off' || ADMIN_TOKEN) return
  const way = 'set ADMIN_TOKEN (or ADMIN_TOKEN_FILE), or AUTH=off if that is what you want'
  if (!isLoopback(HOST)) throw new ConfigError(`HOST ${HOST} would open the API to the network: ${way}`)
  if (TRUSTED_PROXIES > 0)
    throw new ConfigError(
      `TRUSTED_PROXIES ${TRUSTED_PROXIES} means that proxies forward requests to this server, which would be open to them: ${way}`,
    )
}

/** Throws ConfigError if pages of other sites could do everything without a key. */
export function assertNotOpenToPages({ CORS_ORIGINS }: Pick<Config, 'CORS_ORIGINS'>, mode: Mode) {
  if (CORS_ORIGINS?.includes('null') && mode === 'off')
    throw new ConfigError(
      'CORS_ORIGINS null includes every sandboxed page of any site, and AUTH=off requires no key: unset one of them',
    )
  if (CORS_ORIGINS && mode === 'open')
    throw new ConfigError(
      `CORS_ORIGINS would open the API to every page of ${CORS_ORIGINS.join(', ')}, without a key: set ADMIN_TOKEN (or ADMIN_TOKEN_FILE), or unset CORS_ORIGINS`,
    )
}

export function createAuth({ config, policy, keyring, sessions, cors }: Parts) {
  const { ADMIN_TOKEN, METRICS_TOKEN, AUTH } = config

  /** The first key ends open mode for good: revoking it must not open the server again. */
  function mode(): Mode {
    if (AUTH === 'off') return 'off'
    const { keyed } = policy.current()
    if (ADMIN_TOKEN || keyed) return 'token'
    return keyed === undefined ? 'unknown' : 'open'
  }

  /** The principal for a sign-in; undefined for a token or key that is unknown, revoked or expired. */
  function holderOf(token: string): Holder | undefined {
    if (ADMIN_TOKEN && sameSecret(token, ADMIN_TOKEN)) return { principal: { by: 'admin-token', scope: 'admin' } }
    const found = keyring.find(token)
    return found && { principal: ofKey('key', found.key), hash: found.hash, until: found.key.expires_at ?? undefined }
  }

  /** The principal of a Bearer token. METRICS_TOKEN is for a scraper, and cannot sign in. */
  function byToken(token: string, guard: Guard): Principal | undefined {
    const found = keyring.find(token) // by its hash: 256 random bits cannot be guessed
    if (found) return ofKey('key', found.key)
    return guard(() => {
      if (ADMIN_TOKEN && sameSecret(token, ADMIN_TOKEN)) return { by: 'admin-token', scope: 'admin' }
      return METRICS_TOKEN && sameSecret(token, METRICS_TOKEN) ? { by: 'metrics-token', scope: 'metrics' } : undefined
    })
  }

  function bySession(request: Request, address: Address): Principal | undefined {
    const session = sessions.read(request, address)
    if (!session) return undefined
    if (session.of === 'admin') return { by: 'session', scope: 'admin' }
    const key = keyring.byHash(session.of)
    return key && ofKey('session', key)
  }

  return {
    mode,
    holderOf,

    /** The principal of a request's Bearer token; undefined without a valid one. */
    bearerOf(request: Request, guard: Guard): Principal | undefined {
      const token = bearerIn(request)
      return token === undefined ? undefined : byToken(token, guard)
    },

    /** Whether the request has a valid session, or none is needed: for routes without authentication. */
    isSignedIn: (request: Request, address: Address) =>
      mode() === 'open' || mode() === 'off' || bySession(request, address) !== undefined,

    /**
     * The principal of this request. 401 without a valid credential, unless `anyone` is allowed; an invalid token always gets 401. 403 for a request that
     * a web page of another origin may have sent, unless it has a token, which browsers never add by themselves. A route with `itself` gets NOBODY. Tokens
     * are compared through `guard`.
     */
    authenticate(request: Request, address: Address, asks: Access['asks'], guard: Guard): Principal {
      if (asks === 'nobody') return NOBODY
      const now = mode()
      const token = now === 'token' && asks !== 'itself' ? bearerIn(request) : undefined
      if (token !== undefined) {
        const principal = byToken(token, guard)
        if (!principal) throw unauthorized('invalid or expired token or key')
        return principal
      }
      const isOpen = now === 'open' || now === 'unknown'
      if (isOpen) assertLoopback(address, request.headers)
      assertSameOrigin(address, request, isOpen ? undefined : config.PUBLIC_URL, cors)
      if (asks === 'itself') return NOBODY
      if (now === 'unknown')
        throw unavailable('the database was not reached yet, so it is unknown whether there are API keys: try again in a moment')
      if (now !== 'token') return { by: now, scope: 'admin' }

      const principal = bySession(request, address)
      if (principal) {
        assertSentByOwnPage(address, request, config.PUBLIC_URL)
        return principal
      }
      if (asks === 'anyone') return NOBODY
      throw unauthorized(
        sessions.has(request, address)
          ? 'the session has ended: sign in again'
          : 'this requires Authorization: Bearer with the admin token or an API key',
      )
    },
  }
}

const bearerIn = ({ headers }: Request) => /^Bearer\s+(\S+)\s*$/i.exec(headers.get('authorization') ?? '')?.[1]

const ofKey = (by: 'key' | 'session', key: PolicyKey): Principal => ({
  by,
  scope: key.scope,
  key: { id: key.id, name: key.name },
  owner: isBound(key) ? { user: key.user_id ?? undefined, tag: key.only_tag ?? undefined } : undefined,
})

/** 401 with what to send. Never tells whether a key was unknown, revoked or expired. */
export const unauthorized = (text: string) => new Problem(401, text, { headers: { 'WWW-Authenticate': 'Bearer' } })

/** Compares in constant time. */
export function sameSecret(given: string, expected: string): boolean {
  const [a, b] = [given, expected].map((text) => new Bun.CryptoHasher('sha256').update(text).digest())
  return timingSafeEqual(a!, b!)
}
