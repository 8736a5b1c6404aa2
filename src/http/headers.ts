// Security headers of every response, unless the response sets its own.
import type { Config } from '../config/config.ts'
import { forwardedScheme } from './forwarded.ts'

/** For responses that are not pages: loads nothing, runs nothing and cannot be framed, whatever type a browser detects. */
const NO_PAGE = "default-src 'none'; frame-ancestors 'none'"

/** For our own pages: scripts and styles from this server only, none inline, and no framing by other sites. */
export const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

/** Adds the missing headers to a response. Responses are not cached unless they say so. */
export function protect(headers: Headers) {
  headers.set('X-Content-Type-Options', 'nosniff')
  if (!headers.has('Content-Security-Policy')) headers.set('Content-Security-Policy', NO_PAGE)
  if (!headers.has('Referrer-Policy')) headers.set('Referrer-Policy', 'no-referrer')
  if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'no-store')
}

/**
 * The header value of HSTS_MAX_AGE, for a request that arrived over TLS, which a proxy terminates: X-Forwarded-Proto tells, or without it PUBLIC_URL.
 * Undefined if HSTS is not set, and over plain HTTP, where the header must not be sent.
 */
export function transportSecurity({
  HSTS_MAX_AGE,
  PUBLIC_URL,
  TRUSTED_PROXIES,
}: Pick<Config, 'HSTS_MAX_AGE' | 'PUBLIC_URL' | 'TRUSTED_PROXIES'>) {
  if (HSTS_MAX_AGE === undefined) return undefined
  const value = `max-age=${HSTS_MAX_AGE}`
  const byDefault = PUBLIC_URL?.startsWith('https:') ? 'https' : 'http'
  return (request: Request) => ((forwardedScheme(request, TRUSTED_PROXIES) ?? byDefault) === 'https' ? value : undefined)
}
