// Who may do what. Open mode (no ADMIN_TOKEN): anybody on this machine. Else: the admin token, on every operator route.
import { timingSafeEqual } from 'node:crypto'
import { type Config, ConfigError } from '../config.ts'
import { Problem } from './problem.ts'

export type Access = 'open' | 'off' | 'token'

/** How access is controlled; ConfigError where the server would be open to a network by accident. */
export function accessOf(config: Config): Access {
  if (config.AUTH === 'off') return 'off'
  if (config.ADMIN_TOKEN) return 'token'
  if (!/^(127\.\d+\.\d+\.\d+|localhost|::1)$/.test(config.HOST))
    throw new ConfigError(
      `HOST ${config.HOST} would open the API to the network: set ADMIN_TOKEN (or ADMIN_TOKEN_FILE), or AUTH=off if that is what you want`,
    )
  return 'open'
}

/** 401 unless the request carries the admin token. */
export function assertToken(headers: Headers, token: string) {
  const given = /^Bearer\s+(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1]
  if (given === undefined || !sameSecret(given, token))
    throw new Problem(401, 'this needs Authorization: Bearer with the admin token', { headers: { 'WWW-Authenticate': 'Bearer' } })
}

/** Compares in a time that tells nothing of either. */
export function sameSecret(given: string, expected: string): boolean {
  const [a, b] = [given, expected].map((text) => new Bun.CryptoHasher('sha256').update(text).digest())
  return timingSafeEqual(a!, b!)
}
