// What is kept of a visitor: the network, not the address; the browser's family, not its fingerprint.
import bowser from 'bowser'
import { isbot } from 'isbot'
import { oldestOf } from '../oldest.ts'

export type Agent = { browser: string; system: string; device: string; bot: boolean }

const UNKNOWN = 'Unknown'
const MAX_NAME = 40
const REMEMBERED = 10_000

const agents = new Map<string, Agent>()
const oldest = oldestOf(agents)

/** Browser, system, device and whether it is a bot, from a user agent. Remembers the 10,000 it met last: parsing takes some 50 µs. */
export function agentOf(userAgent: string): Agent {
  const known = agents.get(userAgent)
  if (known) return known
  const agent = parse(userAgent)
  if (agents.size >= REMEMBERED) agents.delete(oldest()!)
  agents.set(userAgent, agent)
  return agent
}

function parse(userAgent: string): Agent {
  const bot = userAgent === '' || isbot(userAgent)
  try {
    const { browser, os, platform } = bowser.parse(userAgent || ' ')
    const device = platform.type ? `${platform.type[0]!.toUpperCase()}${platform.type.slice(1)}` : UNKNOWN
    return { browser: name(browser.name), system: name(os.name), device, bot }
  } catch {
    return { browser: UNKNOWN, system: UNKNOWN, device: UNKNOWN, bot }
  }
}

const name = (text: string | undefined) => text?.slice(0, MAX_NAME) || UNKNOWN

/** The host of a referrer, lower-cased, without a port; '' where there is none. A page's path may tell who the visitor is. */
export function refererHost(referrer: string | null): string {
  if (!referrer) return ''
  const start = referrer.indexOf('//') + 2
  if (start < 2) return ''
  let end = start
  while (isPlain(referrer.charCodeAt(end))) end++
  const whole = end === referrer.length || referrer[end] === '/'
  return whole && end - start <= MAX_HOST ? referrer.slice(start, end) : oddHost(referrer.slice(start, start + 300))
}

const MAX_HOST = 253

/** A lower-case letter, a digit, a dot or a hyphen: nearly every referrer has nothing else, and a scan costs a fifth of the patterns below. */
const isPlain = (byte: number) => (byte >= 97 && byte <= 122) || (byte >= 45 && byte <= 57 && byte !== 47)

/** Of what follows the slashes: with a user, a port, capitals, brackets. */
function oddHost(text: string): string {
  const host = /^[^/?#\\]*/.exec(text)![0]
  const name = host
    .slice(host.lastIndexOf('@') + 1)
    .replace(/:\d*$/, '')
    .toLowerCase()
  return /^[a-z0-9.-]{1,253}$/.test(name) || /^\[[0-9a-f:.]+\]$/.test(name) ? name : ''
}

/** An address reduced to its network: /24 of IPv4, /48 of IPv6; '' for what is none. */
export function networkOf(address: string): string {
  const mapped = address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
  if (!mapped.includes(':')) {
    const last = mapped.lastIndexOf('.')
    return last > 0 ? `${mapped.slice(0, last)}.0` : ''
  }
  const [head = '', tail] = mapped.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':')
    while (groups.length + after.length < 8) groups.push('0')
    groups.push(...after)
  }
  return `${groups
    .slice(0, 3)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::`
}
