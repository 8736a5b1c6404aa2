import { isIPv6 } from 'node:net'

/**
 * What a client's address counts as: IPv4 by itself, IPv6 by its /64, of which one household has all. Some proxies add a port, which is
 * another for each connection. What is no address counts together.
 */
export function limitedAddress(text: string): string {
  const plain = /^(\d+\.\d+\.\d+\.\d+)(:\d+)?$/.exec(text)?.[1]
  if (plain) return plain
  const address = text.replace(/^\[(.*)\](:\d+)?$/, '$1').replace(/%.*$/, '')
  if (!isIPv6(address)) return 'unknown'
  const groups = groupsOf(address)
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff)
    return [groups[6]! >> 8, groups[6]! & 255, groups[7]! >> 8, groups[7]! & 255].join('.') // IPv4 on a socket of both kinds
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`
}

function groupsOf(address: string): number[] {
  const hex = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes) => {
    const [a, b, c, d] = bytes.map(Number) as [number, number, number, number]
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
  })
  const [left, right] = hex
    .split('::')
    .map((part) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))))
  return right ? [...left!, ...Array<number>(8 - left!.length - right.length).fill(0), ...right] : left!
}
