// Which targets a link may have: not this server, not a blocked host and, with PRIVATE_TARGETS=refuse, not a private network. Makes no
// DNS look-up.

import { codeOfPath } from '../base/ending.ts'
import { hostOf, readHost } from '../base/host.ts'
import { isPrivateAddress, leadsHere } from '../base/ip.ts'
import { invalid } from '../base/problem.ts'
import { wideCodeIn } from '../base/wide-code.ts'
import type { Config } from '../config/config.ts'
import { exchangeOf } from '../http/exchange.ts'
import { refusal as malformed } from './target.ts'

/** Why a well-formed target is refused, as a phrase that follows the field's name; undefined if it is accepted. */
export type Admission = {
  refusal: (target: string, request?: Request) => string | undefined
  /** Throws 400 with the field's name, also for a malformed target. */
  assert: (target: string, request: Request, field?: string) => void
  /** How codes in the parameters of this request are read. */
  codesFor: (request: Request) => CodeReader
}

export type CodeReader = {
  /** The code in a pasted short URL of this server: `https://go.example/abc?x`, `go.example/abc+`. Undefined for any other text. */
  codeIn: (pasted: string) => string | undefined
  /** Whether a code is also found in another case. */
  anyCase: boolean
}

/** `blocked` says whether a host is on the blocklist. */
export function admission(
  config: Pick<Config, 'PUBLIC_URL' | 'OWN_HOSTS' | 'PRIVATE_TARGETS' | 'CODES'>,
  blocked: (host: string) => boolean,
): Admission {
  const own = [config.PUBLIC_URL, ...config.OWN_HOSTS.map((host) => `http://${host}`)].flatMap((url) =>
    url ? ownAddress(url) : [],
  )

  /** The address of the request is ours too, unless PUBLIC_URL claims only part of that host. */
  function addressesOf(request: Request | undefined): Own[] {
    const here = request ? ownAddress(exchangeOf(request).origin) : []
    return here.some(({ host, port }) => own.some((address) => address.host === host && address.port === port))
      ? own
      : [...own, ...here]
  }

  function refusal(target: string, request?: Request): string | undefined {
    const host = hostOf(target)
    if (host === undefined) return undefined // locationOf reports what is wrong with it
    if (addressesOf(request).some((address) => leadsTo(address, host, target)))
      return 'must not lead back to this server: the redirect would loop'
    if (config.PRIVATE_TARGETS === 'refuse' && isPrivate(host)) return 'must not lead into a private network'
    if (blocked(host)) return 'must not lead to a blocked host'
    return undefined
  }

  function codeIn(pasted: string, request: Request): string | undefined {
    const text = pasted.trim()
    const written = /^(?:https?:)?\/\//i.test(text) ? text.replace(/^\/\//, 'http://') : `http://${text}`
    const url = URL.parse(written)
    const host = url ? hostOf(written) : undefined
    if (!url || host === undefined) return undefined
    const address = addressesOf(request).find(
      (address) => leadsTo(address, host, written) || (url.port === '' && leadsTo({ ...address, port: '' }, host, written)),
    )
    if (!address) return undefined
    const path = url.pathname.slice(address.path.length).replace(/(\+|%2B)$/i, '')
    const [, code, rest] = /^\/(?:urls\/)?([^/]+)(\/.*)?$/.exec(path) ?? []
    const plain = code && (!rest || /^\/(redirect\/?)?$/.test(rest)) ? codeOfPath(code) : undefined
    return plain ?? wideCodeIn(path)
  }

  return {
    refusal,
    assert(target, request, field = 'original_url') {
      const reason = malformed(target) ?? refusal(target, request)
      if (reason) throw invalid(field, reason)
    },
    codesFor: (request) => ({ codeIn: (pasted) => codeIn(pasted, request), anyCase: config.CODES === 'insensitive' }),
  }
}

/** An empty port matches every port. A path matches itself and everything below it. */
type Own = { host: string; port: string; path: string }

function ownAddress(url: string): Own[] {
  const { host, pathname } = new URL(url)
  const read = readHost(host)
  return read ? [{ host: canonical(read.host), port: read.port, path: pathname.replace(/\/$/, '') }] : []
}

function leadsTo({ host, port, path }: Own, targetHost: string, target: string): boolean {
  if (canonical(targetHost) !== host) return false
  const url = new URL(target)
  if (port !== '' && port !== (url.port || (url.protocol === 'https:' ? '443' : '80'))) return false
  return path === '' || url.pathname === path || url.pathname.startsWith(`${path}/`)
}

/** Maps all names of this machine to one. */
const canonical = (host: string) => (/^(.+\.)?localhost$/.test(host) || leadsHere(host) ? 'localhost' : host)

/** Addresses that are not public, and names that only a local network knows. */
const isPrivate = (host: string) => isPrivateAddress(host) || !/[.:]/.test(host) || LOCAL_NAME.test(host)

const LOCAL_NAME = /\.(localhost|local|internal|intranet|private|corp|home|lan|home\.arpa)$/ // RFC 6762 G, RFC 8375
