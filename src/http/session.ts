// Sessions of the console: a signed cookie that says whose it is and until when, which every replica verifies by itself.
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { Config } from '../config.ts'
import type { Policy } from '../policy/policy.ts'
import { type Address, isLoopback } from './address.ts'
import { unavailable } from './problem.ts'

/** `of`: the operator, or the hash of the key that signed in. Times in seconds. */
export type Session = { of: 'admin' | string; issued: number; expires: number }

export type Sessions = ReturnType<typeof createSessions>

const HOURS = 12

/**
 * The signature's key comes from the policy's secret and ADMIN_TOKEN: to change either signs everybody out. A session of a key dies with it:
 * the key is looked up again with each request.
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
    /** A new session: its Set-Cookie, and when it ends, after at most 12 hours. 503 before the secret is known, which takes the database once. */
    open(of: Session['of'], address: Address, until = Number.POSITIVE_INFINITY): { cookie: string; expires: number } {
      const key = signingKey()
      if (!key) throw unavailable('nobody can sign in before the database was reached once, try again in a moment')
      const issued = Math.floor(Date.now() / 1000)
      const session: Session = { of, issued, expires: Math.min(issued + HOURS * 3600, Math.floor(until / 1000)) }
      const text = Buffer.from(JSON.stringify(session)).toString('base64url')
      const value = `${text}.${sign(text, key).toString('base64url')}`
      return { cookie: cookie(address, value, session.expires - issued), expires: session.expires }
    },

    /** Set-Cookie that ends the session in this browser. */
    close: (address: Address) => cookie(address, '', 0),

    /** The session that the request carries; undefined where it carries none that holds. */
    read(request: Request, address: Address): Session | undefined {
      const [text = '', signature = ''] = (valueIn(request, nameFor(address)) ?? '').split('.')
      const key = text && signature ? signingKey() : undefined
      if (!key) return undefined
      const [given, expected] = [Buffer.from(signature, 'base64url'), sign(text, key)]
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
      const session = JSON.parse(Buffer.from(text, 'base64url').toString()) as Session
      return session.expires * 1000 > Date.now() ? session : undefined
    },

    /** Whether the request carries a session, be it over. */
    has: (request: Request, address: Address) => valueIn(request, nameFor(address)) !== undefined,
  }
}

/** Browsers keep a cookie with this prefix only when it came securely, for this host alone. They exempt localhost from neither. */
const nameFor = (address: Address) => (isLoopback(address) ? 'waypost_session' : '__Host-waypost_session')

function cookie(address: Address, value: string, seconds: number): string {
  const secure = isLoopback(address) ? '' : '; Secure'
  return `${nameFor(address)}=${value}; Max-Age=${seconds}; Path=/; HttpOnly; SameSite=Strict${secure}`
}

function valueIn({ headers }: Request, name: string): string | undefined {
  for (const part of (headers.get('cookie') ?? '').split(';')) {
    const [key, value] = part.trim().split('=', 2)
    if (key === name) return value
  }
  return undefined
}
