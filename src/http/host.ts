// Hosts in the one form they are compared in: lower case, punycode, IPv4 in dotted decimal (also within IPv6), no port, no dot at the end.

// Most targets are written in that form already, which spares them a parser. A port or a user name takes the long way.
const PLAIN = /^https?:\/\/((?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*)(?:[/?#]|$)/

/** Where a URL leads, in that form; undefined for what is no URL. */
export function hostOf(url: string): string | undefined {
  return PLAIN.exec(url)?.[1] ?? plain(URL.parse(url)?.hostname)
}

/** A host that stands by itself, with or without a port: `Bücher.example:8080`, `0x7f.1`, `::1`. Undefined for anything else. */
export function readHost(text: string): { host: string; port: string } | undefined {
  const written = IPV6.test(text) ? `[${text}]` : text
  if (!/^[^\s/\\?#@]+$/.test(written)) return undefined
  const host = plain(URL.parse(`http://${written}`)?.hostname)
  return host ? { host, port: /[^:]:(\d{1,5})$/.exec(written)?.[1] ?? '' } : undefined
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
