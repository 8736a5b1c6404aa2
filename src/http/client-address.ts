import type { Config } from '../config/config.ts'
import { entryOf, forwardedParameter } from './forwarded.ts'

/** Gives the peer of a request's connection, as Bun's server knows it. */
export type Peers = { requestIP: (request: Request) => { address: string } | null }

/** Peers for parts that are created before the server listens; `of` sets the server. */
export function createPeers(): Peers & { of: (server: Peers) => void } {
  let server: Peers | undefined
  return {
    requestIP: (request) => server!.requestIP(request),
    of: (listening) => {
      server = listening
    },
  }
}

/**
 * The client's address as written: the entry TRUSTED_PROXIES from the right in X-Forwarded-For, or, without that header, in Forwarded. It may be
 * invalid, or have a port: callers parse it with src/base/ip.ts, and never store it as it is.
 */
export function clientAddress({ TRUSTED_PROXIES: hops }: Pick<Config, 'TRUSTED_PROXIES'>) {
  const peer = (request: Request, peers: Peers) => peers.requestIP(request)?.address ?? ''
  if (hops === 0) return peer
  return (request: Request, peers: Peers): string => {
    const chain = request.headers.get('x-forwarded-for')
    const entry = chain === null ? forwardedParameter(request, 'for', hops) : entryOf(chain, hops)
    return entry || peer(request, peers)
  }
}
