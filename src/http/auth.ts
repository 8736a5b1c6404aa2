// Who asks: the operator by ADMIN_TOKEN, an API key, a session made from either; or anybody on this machine in open mode.
import { timingSafeEqual } from 'node:crypto'
import { type Config, ConfigError } from '../config.ts'
import type { Policy, PolicyKey } from '../policy/policy.ts'
import type { Access } from './access.ts'
import { type Address, assertLoopback, assertSameOrigin, assertSentByOwnPage } from './address.ts'
import type { Cors } from './cors.ts'
import { NOBODY, type Principal } from './principal.ts'
import { Problem, unavailable } from './problem.ts'
import type { Sessions } from './session.ts'

/** open: no credential was ever made, anybody on this machine. off: anybody. token: by credential. unknown: the database was never reached. */
export type Mode = 'open' | 'off' | 'token' | 'unknown'

/** Finds keys that hold now, and notes that they were used. */
export type Keyring = {
  /** The key that `token` is. */
  find: (token: string) => { hash: string; key: PolicyKey } | undefined
  byHash: (hash: string) => PolicyKey | undefined
}

/** Whose a credential is; of a key its hash, and until when it holds (ms). */
type Holder = { principal: Principal; hash?: string; until?: number }

type Parts = { config: Config; policy: { current: () => Policy }; keyring: Keyring; sessions: Sessions; cors: Cors | undefined }

export type Auth = ReturnType<typeof createAuth>

/** ConfigError where the server would be open to a network by accident. */
export function assertNotOpenToNetwork({ AUTH, ADMIN_TOKEN, HOST, TRUSTED_PROXIES }: Config) {
  if (AUTH === 'off' || ADMIN_TOKEN) return
  const way = 'set ADMIN_TOKEN (or ADMIN_TOKEN_FILE), or AUTH=off if that is what you want'
  if (!/^(127\.\d+\.\d+\.\d+|localhost|::1)$/.test(HOST))
    throw new ConfigError(`HOST ${HOST} would open the API to the network: ${way}`)
  if (TRUSTED_PROXIES > 0)
    throw new ConfigError(
      `TRUSTED_PROXIES ${TRUSTED_PROXIES} says that others forward to this server, which would be open to them: ${way}`,
    )
}

export function createAuth({ config, policy, keyring, sessions, cors }: Parts) {
  const { ADMIN_TOKEN, METRICS_TOKEN, AUTH } = config

  /** Open mode ends with the first key for good: that the key was revoked must not open the server again. */
  function mode(): Mode {
    if (AUTH === 'off') return 'off'
    const { keyed } = policy.current()
    if (ADMIN_TOKEN || keyed) return 'token'
    return keyed === undefined ? 'unknown' : 'open'
  }

  /** What one may sign in with, and what it stands for; undefined for a token or key that is unknown, revoked or expired. */
  function holderOf(token: string): Holder | undefined {
    if (ADMIN_TOKEN && sameSecret(token, ADMIN_TOKEN)) return { principal: { by: 'admin-token', scope: 'admin' } }
    const found = keyring.find(token)
    return found && { principal: ofKey('key', found.key), hash: found.hash, until: found.key.expires_at ?? undefined }
  }

  /** Whose a Bearer token is. METRICS_TOKEN is for a scraper: nobody signs in with it. */
  function byToken(token: string): Principal | undefined {
    const holder = holderOf(token)
    if (holder) return holder.principal
    return METRICS_TOKEN && sameSecret(token, METRICS_TOKEN) ? { by: 'metrics-token', scope: 'metrics' } : undefined
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

    /** Whose the Bearer token of a request is; undefined where it has none that holds. */
    bearerOf(request: Request): Principal | undefined {
      const token = bearerIn(request)
      return token === undefined ? undefined : byToken(token)
    },

    /** Whether it comes with a session that holds, or nobody needs one: for routes that ask their caller for nothing. */
    isSignedIn: (request: Request, address: Address) =>
      mode() === 'open' || mode() === 'off' || bySession(request, address) !== undefined,

    /**
     * Who sent this request. 401 without a credential that holds, unless `anyone` is asked for; a wrong one that was sent on purpose is 401 in
     * any case. 403 for what a web page of another origin may have sent. A route that looks for `itself` is told of nobody.
     */
    authenticate(request: Request, address: Address, asks: Access['asks']): Principal {
      if (asks === 'nobody') return NOBODY
      const now = mode()
      if (now === 'open' || now === 'unknown') assertLoopback(address, request.headers)
      assertSameOrigin(address, request, config.PUBLIC_URL, cors)
      if (asks === 'itself') return NOBODY
      if (now === 'unknown')
        throw unavailable('whether this server has API keys is not known before its database was reached, try again in a moment')
      if (now !== 'token') return { by: now, scope: 'admin' }

      const token = bearerIn(request)
      if (token !== undefined) {
        const principal = byToken(token)
        if (!principal) throw unauthorized('this token or key does not hold')
        return principal
      }
      const principal = bySession(request, address)
      if (principal) {
        assertSentByOwnPage(address, request, config.PUBLIC_URL)
        return principal
      }
      if (asks === 'anyone') return NOBODY
      throw unauthorized(
        sessions.has(request, address)
          ? 'the session is over: sign in again'
          : 'this needs Authorization: Bearer with the admin token or an API key',
      )
    },
  }
}

const bearerIn = ({ headers }: Request) => /^Bearer\s+(\S+)\s*$/i.exec(headers.get('authorization') ?? '')?.[1]

const ofKey = (by: 'key' | 'session', { id, name, scope, user_id }: PolicyKey): Principal => ({
  by,
  scope,
  key: { id, name },
  userId: user_id ?? undefined,
})

/** 401 with what to send. It never says whether a key was unknown, revoked or expired. */
export const unauthorized = (text: string) => new Problem(401, text, { headers: { 'WWW-Authenticate': 'Bearer' } })

/** Compares in a time that tells nothing of either. */
export function sameSecret(given: string, expected: string): boolean {
  const [a, b] = [given, expected].map((text) => new Bun.CryptoHasher('sha256').update(text).digest())
  return timingSafeEqual(a!, b!)
}
