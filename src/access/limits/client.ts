import { readIp } from '../../base/ip.ts'

/** The unit that a limit counts: an IPv4 address, the /64 of an IPv6 address, which one household has, or one bucket for all invalid ones. */
export function limitedAddress(text: string): string {
  const ip = readIp(text)
  if (!ip) return 'unknown'
  return 'parts' in ip
    ? `${ip.parts
        .slice(0, 4)
        .map((part) => part.toString(16))
        .join(':')}::/64`
    : ip.toString()
}
