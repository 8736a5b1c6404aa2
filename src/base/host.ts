// Hosts in canonical form: lower case, punycode, IPv4 in dotted decimal (also within IPv6), no port, no trailing dot.

// Fast path: most targets are already in canonical form. A port or a user name takes the parser.
const PLAIN = /^https?:\/\/((?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*)(?:[/?#]|$)/

/** The host of a URL in canonical form; undefined if the URL is invalid. */
export function hostOf(url: string): string | undefined {
  return PLAIN.exec(url)?.[1] ?? plain(URL.parse(url)?.hostname)
}

/** Whether a URL is known, without parsing it, to have a valid host, and neither a port nor a user name. */
export function isPlainHost(url: string): boolean {
  const host = PLAIN.exec(url)?.[1]
  return host !== undefined && !host.includes('xn--') && isHost(host)
}

/** Whether a URL's hostname is valid: an address, or at most 253 characters of labels of 1 to 63 letters, digits, _ and inner hyphens. */
export const isHost = (hostname: string) =>
  hostname.startsWith('[') || (hostname.length <= LONGEST_NAME + 1 && NAME.test(hostname.replace(/\.$/, '')))

const LONGEST_NAME = 253
const LABEL = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?'
const NAME = new RegExp(`^(?!.{${LONGEST_NAME + 1}})${LABEL}(?:\\.${LABEL})*$`, 'i')

/** Reads a bare host, with or without a port: `Bücher.example:8080`, `0x7f.1`, `::1`. Undefined for anything else. */
export function readHost(text: string): { host: string; port: string } | undefined {
  const written = IPV6.test(text) ? `[${text}]` : text
  if (!/^[^\s/\\?#@]+$/.test(written)) return undefined
  const url = URL.parse(`http://${written}`)
  if (!url || !isHost(url.hostname) || url.port === '0' || written.endsWith(':')) return undefined
  return { host: plain(url.hostname)!, port: /[^:]:(\d{1,5})$/.exec(written)?.[1] ?? '' }
}

const IPV6 = /^[0-9a-f.]*:[0-9a-f.]*:[0-9a-f:.]*$/i
const MAPPED = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/ // as the parser writes [::ffff:192.0.2.7]

function plain(hostname: string | undefined): string | undefined {
  if (!hostname) return undefined
  const mapped = MAPPED.exec(hostname)
  if (!mapped) return hostname.replace(/\.+$/, '') || undefined
  const [high, low] = mapped.slice(1).map((word) => Number.parseInt(word, 16)) as [number, number]
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}
