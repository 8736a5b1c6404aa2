// What every answer tells the browser that shows it, unless it carries its own word on the matter.
import type { Config } from '../config.ts'

/** For what is no page: it may load nothing, run nothing and be framed by nobody, whatever a browser takes it for. */
const NO_PAGE = "default-src 'none'; frame-ancestors 'none'"

/** A page of our own: scripts and styles from this server only, none of them inline, and no other site may frame it. */
export const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

/** Adds what `headers` of an answer lack. Answers are not kept by any cache unless they say so. */
export function protect(headers: Headers) {
  headers.set('X-Content-Type-Options', 'nosniff')
  if (!headers.has('Content-Security-Policy')) headers.set('Content-Security-Policy', NO_PAGE)
  if (!headers.has('Referrer-Policy')) headers.set('Referrer-Policy', 'no-referrer')
  if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'no-store')
}

/**
 * HSTS_MAX_AGE as a header's value for a request that came by TLS, which ends in front of us: so says X-Forwarded-Proto, or without
 * one PUBLIC_URL. Undefined where HSTS is not set, and over plain HTTP, where the header must not be sent.
 */
export function transportSecurity({ HSTS_MAX_AGE, PUBLIC_URL }: Pick<Config, 'HSTS_MAX_AGE' | 'PUBLIC_URL'>) {
  if (HSTS_MAX_AGE === undefined) return undefined
  const value = `max-age=${HSTS_MAX_AGE}`
  const byDefault = PUBLIC_URL?.startsWith('https:') ? 'https' : 'http'
  return ({ headers }: Request) => ((headers.get('x-forwarded-proto') ?? byDefault) === 'https' ? value : undefined)
}
