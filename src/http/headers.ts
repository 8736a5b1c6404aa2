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
 * Returns a function that adds the header of HSTS_MAX_AGE to the answer of a request that arrived over TLS, which a proxy terminates: X-Forwarded-Proto
 * tells, or without it PUBLIC_URL. Over plain HTTP the header must not be sent.
 */
export function transportSecurity({
  HSTS_MAX_AGE,
  PUBLIC_URL,
  TRUSTED_PROXIES,
}: Pick<Config, 'HSTS_MAX_AGE' | 'PUBLIC_URL' | 'TRUSTED_PROXIES'>): (request: Request, response: Response) => void {
  if (HSTS_MAX_AGE === undefined) return () => {}
  const value = `max-age=${HSTS_MAX_AGE}`
  const byDefault = PUBLIC_URL?.startsWith('https:') ? 'https' : 'http'
  return (request, response) => {
    if ((forwardedScheme(request, TRUSTED_PROXIES) ?? byDefault) === 'https')
      response.headers.set('Strict-Transport-Security', value)
  }
}
