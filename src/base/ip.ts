// The one reader of addresses: those of visitors, proxies, settings and targets.
import ipaddr from 'ipaddr.js'

/** A bare address without port or zone; IPv4 within IPv6 (::ffff:192.0.2.7) is IPv4. */
type Ip = ipaddr.IPv4 | ipaddr.IPv6

/**
 * An address as sockets, settings and proxies write it: with a port, in brackets, in quotes (RFC 7239), with a zone. Undefined for everything
 * else: names, `unknown`, `_hidden`, and forms that programs read differently, such as 010.0.0.1, 0x7f.1 and 2130706433.
 */
export function readIp(text: string): Ip | undefined {
  const { bracketed, four, bare } = WRITTEN.exec(text)?.groups ?? {}
  if (four) return IPV4.test(four) ? ipaddr.IPv4.parse(four) : undefined
  const six = (bracketed ?? bare)?.replace(/%.*$/, '')
  if (!six || (six.includes('.') && !IPV4.test(six.slice(six.lastIndexOf(':') + 1))) || !ipaddr.IPv6.isValid(six))
    return undefined
  const address = ipaddr.IPv6.parse(six)
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address
}

const PORT = '(?::(?:\\d{1,5}|_[\\w.-]+))?'
const SIX = '[0-9a-f:.]*:[0-9a-f:.]*(?:%[\\w.~-]+)?'
const WRITTEN = new RegExp(
  `^\\s*"?(?:\\[(?<bracketed>${SIX})\\]${PORT}|(?:::ffff:)?(?<four>[\\d.]+)${PORT}|(?<bare>${SIX}))"?\\s*$`,
  'i',
)
const BYTE = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const IPV4 = new RegExp(`^${BYTE}(?:\\.${BYTE}){3}$`)

/** The address in canonical form, 2001:db8::1; '' if it is invalid. */
export function addressIn(text: string): string {
  return scan4(text, 0) > 0 ? text.replace(/:.*/, '') : (readIp(text)?.toString() ?? '')
}

/**
 * The network of an address: /24 of IPv4, 203.0.113.0, or /48 of IPv6, 2001:db8:0::. '' if it is invalid. Runs for every redirect, so plain
 * addresses take a scan (40 to 250 ns) instead of the parser (2 µs).
 */
export function networkOf(text: string): string {
  let last = scan4(text, 0)
  if (last > 0) return `${text.slice(0, last)}.0`
  if (text.startsWith(MAPPED)) {
    last = scan4(text, MAPPED.length)
    if (last > 0) return `${text.slice(MAPPED.length, last)}.0`
  }
  if (scan6(text)) return network6(words)
  const ip = readIp(text)
  if (!ip) return ''
  return ip instanceof ipaddr.IPv6 ? network6(ip.parts) : `${ip.octets.slice(0, 3).join('.')}.0`
}

const MAPPED = '::ffff:' // IPv4 on a socket of both kinds

const network6 = (parts: ArrayLike<number>) => `${parts[0]!.toString(16)}:${parts[1]!.toString(16)}:${parts[2]!.toString(16)}::`

const NONE = 256

/** The index of the last dot of a plain IPv4 address, with or without a port; 0 if it is not one. Hot path: each step of the loop is measurable. */
function scan4(text: string, start: number): number {
  const { length } = text
  let byte = NONE
  let dots = 0
  let last = 0
  for (let i = start; i < length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit >= 0 && digit <= 9) {
      if (byte === NONE) byte = digit
      else if (byte === 0)
        return 0 // a leading zero
      else {
        byte = byte * 10 + digit
        if (byte > 255) return 0
      }
    } else {
      if (byte === NONE) return 0
      if (digit !== -2) return dots === 3 && PORT_AT_END.test(text.slice(i)) ? last : 0
      dots++
      last = i
      byte = NONE
    }
  }
  return dots === 3 && byte !== NONE ? last : 0
}

const PORT_AT_END = /^:\d{1,5}$/

const words = new Uint16Array(8)

/** Writes the words of a plain IPv6 address to `words`; false unless it has only hexadecimal groups and colons, and is not IPv4-mapped. */
function scan6(text: string): boolean {
  let count = 0
  let digits = 0
  let word = 0
  let gap = -1
  words.fill(0)
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 58) {
      if (digits > 0) words[count++] = word
      if (count > 7) return false
      if (text.charCodeAt(i + 1) === 58) {
        if (gap >= 0) return false
        gap = count
        i++
      } else if (digits === 0) return false
      digits = word = 0
    } else {
      const digit = code <= 57 ? code - 48 : (code | 32) - 87
      if (digit < 0 || digit > 15 || (code > 57 && digit < 10) || ++digits > 4) return false
      word = word * 16 + digit
    }
  }
  if (digits > 0) words[count++] = word
  else if (gap !== count) return false
  if (gap < 0 ? count !== 8 : count > 7) return false
  if (gap >= 0 && count < 8) {
    words.copyWithin(8 - count + gap, gap, count)
    words.fill(0, gap, 8 - count + gap)
  }
  return words[5] !== 0xffff
}

/** Whether a host is loopback: localhost, 127.0.0.0/8, ::1, with or without brackets and port. */
export function isLoopback(host: string): boolean {
  return /^localhost\.?(:\d{1,5})?$/i.test(host) || readIp(host)?.range() === 'loopback'
}

/** Whether a server that listens on this address listens on all of them. */
export const isEveryAddress = (host: string) => /^(0\.0\.0\.0|\[?::\]?)$/.test(host)

/** Whether an address is link-local, so that other networks cannot reach it. */
export const isLinkLocal = (address: string) => readIp(address)?.range() === 'linkLocal'

/** Loopback, private, link-local (cloud metadata too) or otherwise not public. IPv4 embedded in IPv6 is unwrapped first. */
export function isPrivateAddress(host: string): boolean {
  const ip = readIp(host)
  return (
    ip !== undefined &&
    formsOf(ip).some((form) => PRIVATE.some(([network, bits]) => form.kind() === network.kind() && form.match(network, bits)))
  )
}

/** Whether a target at this address leads back to the machine that resolves it. */
export function leadsHere(host: string): boolean {
  const ip = readIp(host)
  return ip !== undefined && formsOf(ip).some((form) => form.range() === 'loopback' || /^(0\.0\.0\.0|::)$/.test(form.toString()))
}

/** An address, and the IPv4 address embedded in it: compatible (::192.0.2.7), NAT64, 6to4. */
function formsOf(ip: Ip): Ip[] {
  if (ip instanceof ipaddr.IPv4) return [ip]
  const { parts } = ip
  const at =
    parts[0] === 0x2002 ? 1 : parts.slice(2, 6).every((part) => part === 0) && isPrefix(parts[0]!, parts[1]!) ? 6 : undefined
  if (at === undefined) return [ip]
  return [ip, new ipaddr.IPv4([parts[at]! >> 8, parts[at]! & 255, parts[at + 1]! >> 8, parts[at + 1]! & 255])]
}

const isPrefix = (first: number, second: number) => (first === 0 && second === 0) || (first === 0x64 && second === 0xff9b)

const PRIVATE = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.168.0.0/16', '198.18.0.0/15', '224.0.0.0/3', '::/127', '64:ff9b:1::/48', 'fc00::/7', 'fe80::/9', 'ff00::/8'],
].map((network) => ipaddr.parseCIDR(network))
