// Where a link may lead: not back to us, not (where set) into a private network, not to a blocked host. By what is written: nothing is resolved.
import { BlockList } from 'node:net'
import type { Config } from '../config.ts'
import { exchangeOf } from '../http/exchange.ts'
import { hostOf, readHost } from '../http/host.ts'
import { invalid } from '../http/problem.ts'
import { refusal as misshapen } from './target.ts'

/** Why a well-formed target is refused, in words that follow the field's name; undefined where it is not. */
export type Admission = {
  refusal: (target: string, request?: Request) => string | undefined
  /** 400 naming the field, also for a target that is not well-formed. */
  assert: (target: string, request: Request, field?: string) => void
}

/** `blocked` knows the hosts on the blocklist. */
export function admission(
  config: Pick<Config, 'PUBLIC_URL' | 'OWN_HOSTS' | 'PRIVATE_TARGETS'>,
  blocked: (host: string) => boolean,
): Admission {
  const own = [config.PUBLIC_URL, ...config.OWN_HOSTS.map((host) => `http://${host}`)].flatMap((url) =>
    url ? ownPlace(url) : [],
  )

  /** Where the client reached us is ours too, unless PUBLIC_URL says which part of that host is. */
  function placesOf(request: Request | undefined): Own[] {
    const here = request ? ownPlace(exchangeOf(request).origin) : []
    return here.some(({ host, port }) => own.some((place) => place.host === host && place.port === port))
      ? own
      : [...own, ...here]
  }

  function refusal(target: string, request?: Request): string | undefined {
    const host = hostOf(target)
    if (host === undefined) return undefined // locationOf says what is wrong with it
    if (placesOf(request).some((place) => leadsTo(place, host, target)))
      return 'must not lead back to this server: short links would go round in circles'
    if (config.PRIVATE_TARGETS === 'refuse' && isPrivate(host)) return 'must not lead into a private network'
    if (blocked(host)) return 'leads to a host that is blocked here'
    return undefined
  }

  return {
    refusal,
    assert(target, request, field = 'original_url') {
      const reason = misshapen(target) ?? refusal(target, request)
      if (reason) throw invalid(field, reason)
    },
  }
}

/** A port that is written means that port, none means every port; so does a path with all that is below it. */
type Own = { host: string; port: string; path: string }

function ownPlace(url: string): Own[] {
  const { host, pathname } = new URL(url)
  const read = readHost(host)
  return read ? [{ host: alike(read.host), port: read.port, path: pathname.replace(/\/$/, '') }] : []
}

function leadsTo({ host, port, path }: Own, targetHost: string, target: string): boolean {
  if (alike(targetHost) !== host) return false
  const url = new URL(target)
  if (port !== '' && port !== (url.port || (url.protocol === 'https:' ? '443' : '80'))) return false
  return path === '' || url.pathname === path || url.pathname.startsWith(`${path}/`)
}

/** This machine has many names. */
const alike = (host: string) => (isLoopback(host) ? 'localhost' : host)

const isLoopback = (host: string) => /^(.+\.)?localhost$/.test(host) || listed(LOOPBACK, host)

/** Loopback, private, link-local (the cloud's metadata too) and otherwise not public addresses, and names that only a local network knows. */
export function isPrivate(host: string): boolean {
  return listed(PRIVATE, host) || !/[.:]/.test(host) || LOCAL_NAME.test(host)
}

const LOCAL_NAME = /\.(localhost|local|internal|intranet|private|corp|home|lan|home\.arpa)$/ // RFC 6762 G, RFC 8375

const LOOPBACK = networks('0.0.0.0/32', '127.0.0.0/8', '::/127')
const PRIVATE = networks(
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.168.0.0/16', '198.18.0.0/15', '224.0.0.0/3', '::/127', '64:ff9b:1::/48', 'fc00::/7', 'fe80::/9', 'ff00::/8'],
)

function networks(...list: string[]): BlockList {
  const all = new BlockList()
  for (const network of list) {
    const [address = '', bits = ''] = network.split('/')
    all.addSubnet(address, Number(bits), address.includes(':') ? 'ipv6' : 'ipv4')
    if (address.includes(':')) continue
    // An IPv4 address may hide in an IPv6 one: compatible, behind NAT64, 6to4. (Mapped ones are IPv4 here already.)
    all.addSubnet(`::${address}`, 96 + Number(bits), 'ipv6')
    all.addSubnet(`64:ff9b::${address}`, 96 + Number(bits), 'ipv6')
    const [a, b, c, d] = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'))
    all.addSubnet(`2002:${a}${b}:${c}${d}::`, 16 + Number(bits), 'ipv6')
  }
  return all
}

const listed = (all: BlockList, host: string) =>
  host.startsWith('[') ? all.check(host.slice(1, -1), 'ipv6') : /^[\d.]+$/.test(host) && all.check(host, 'ipv4')
