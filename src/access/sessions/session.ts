// Sessions of the console: a signed cookie with its owner and expiry, which every replica can verify alone.
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { unavailable } from '../../base/problem.ts'
import type { Config } from '../../config/config.ts'
import { type Address, isLocal } from '../../http/address.ts'
import type { Policy } from '../policy/policy.ts'

/** `of`: the operator, or the hash of the key that signed in. Times in seconds. */
export type Session = { of: 'admin' | string; issued: number; expires: number }

export type Sessions = ReturnType<typeof createSessions>

const HOURS = 12

/**
 * The signing key is derived from the policy's secret and ADMIN_TOKEN: changing either signs everyone out. A key's session ends with the key, which is
 * looked up at each request.
 */
export function createSessions({ ADMIN_TOKEN }: Pick<Config, 'ADMIN_TOKEN'>, policy: { current: () => Policy }) {
  let derived: { from: string; key: Buffer } | undefined

  function signingKey(): Buffer | undefined {
    const { sessionSecret } = policy.current()
    if (sessionSecret === undefined) return undefined
    if (derived?.from !== sessionSecret)
      derived = {
        from: sessionSecret,
        key: Buffer.from(hkdfSync('sha256', sessionSecret, ADMIN_TOKEN ?? '', 'waypost session', 32)),
      }
    return derived.key
  }

  const sign = (text: string, key: Buffer) => createHmac('sha256', key).update(text).digest()

  return {
    /** Opens a session: returns its Set-Cookie and its end, after at most 12 hours. 503 while the secret is unknown, until the database is reached once. */
    open(of: Session['of'], address: Address, until = Number.POSITIVE_INFINITY): { cookie: string; expires: number } {
      const key = signingKey()
      if (!key) throw unavailable('sign-in is not possible until the database was reached once, try again in a moment')
      const issued = Math.floor(Date.now() / 1000)
      const session: Session = { of, issued, expires: Math.min(issued + HOURS * 3600, Math.floor(until / 1000)) }
      const text = Buffer.from(JSON.stringify(session)).toString('base64url')
      const value = `${text}.${sign(text, key).toString('base64url')}`
      return { cookie: cookie(address, value, session.expires - issued), expires: session.expires }
    },

    /** Set-Cookie that ends the session in this browser. */
    close: (address: Address) => cookie(address, '', 0),

    /** The session in the request; undefined without a valid one. */
    read(request: Request, address: Address): Session | undefined {
      const [text = '', signature = ''] = (valueIn(request, nameFor(address)) ?? '').split('.')
      const key = text && signature ? signingKey() : undefined
      if (!key) return undefined
      const [given, expected] = [Buffer.from(signature, 'base64url'), sign(text, key)]
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
      const session = JSON.parse(Buffer.from(text, 'base64url').toString()) as Session
      return session.expires * 1000 > Date.now() ? session : undefined
    },

    /** Whether the request has a session, valid or not. */
    has: (request: Request, address: Address) => valueIn(request, nameFor(address)) !== undefined,
  }
}

/** Browsers accept the __Host- prefix only for a secure cookie of this host alone. They do not exempt localhost. */
const nameFor = (address: Address) => (isLocal(address) ? 'waypost_session' : '__Host-waypost_session')

function cookie(address: Address, value: string, seconds: number): string {
  const secure = isLocal(address) ? '' : '; Secure'
  return `${nameFor(address)}=${value}; Max-Age=${seconds}; Path=/; HttpOnly; SameSite=Strict${secure}`
}

/** Own code: Bun.CookieMap takes two to three times as long, and decodes values for nothing (docs/decisions/0043-own-csv-cells-and-cookies.md). */
function valueIn({ headers }: Request, name: string): string | undefined {
  for (const part of (headers.get('cookie') ?? '').split(';')) {
    const [key, value] = part.trim().split('=', 2)
    if (key === name) return value
  }
  return undefined
}
