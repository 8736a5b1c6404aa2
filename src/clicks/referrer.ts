// The referring host in canonical form, for all clicks: lower case, punycode, no port, no trailing dot.
import { readHost } from '../base/host.ts'

const MAX_HOST = 253

/** The host in a Referer header; '' if there is none. The path is dropped, because it may identify the visitor. */
export function refererHost(referrer: string | null): string {
  if (!referrer) return ''
  const start = referrer.indexOf('//') + 2
  if (start < 2) return ''
  let end = start
  while (isPlain(referrer.charCodeAt(end))) end++
  const whole = end === referrer.length || referrer[end] === '/'
  // A name ends with a letter. IP addresses and trailing dots need the parser.
  if (whole && end - start <= MAX_HOST && referrer.charCodeAt(end - 1) >= 97) return referrer.slice(start, end)
  return hostIn(referrer.slice(start, start + 300))
}

/** A lower-case letter, digit, dot or hyphen: nearly all referrers consist of these, and the scan takes a fifth of the parser's time. */
const isPlain = (byte: number) => (byte >= 97 && byte <= 122) || (byte >= 45 && byte <= 57 && byte !== 47)

/** The host in an event's details, in which the referrer is a URL or just a host; '' if there is none. */
export function referringHost(details: Record<string, unknown>): string {
  const referrer = details.referrer ?? details.referer
  if (typeof referrer !== 'string') return ''
  const text = referrer.trim()
  return text.includes('//') ? refererHost(text) : hostIn(text)
}

/** The host in what follows the slashes: may have a user, a port, capitals, brackets. */
function hostIn(text: string): string {
  const authority = /^[^/?#\\]*/.exec(text)![0]
  const host = readHost(utf8(authority.slice(authority.lastIndexOf('@') + 1)))?.host ?? ''
  return host.length <= MAX_HOST ? host : ''
}

/** Headers arrive as Latin-1, whatever was sent. */
function utf8(text: string): string {
  if (!/[\u0080-\u00ff]/.test(text) || /[^\u0000-\u00ff]/.test(text)) return text
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(text, 'latin1'))
  } catch {
    return text
  }
}
