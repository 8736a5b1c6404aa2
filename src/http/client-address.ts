import type { Config } from '../config.ts'

/** Who sent a request: the peer of its connection, as Bun's server knows it. */
export type Peers = { requestIP: (request: Request) => { address: string } | null }

/**
 * The client's address. Each trusted proxy appends the address it was called from to X-Forwarded-For, so the client is `TRUSTED_PROXIES` from
 * the right; what stands further left anybody may have written. With fewer entries than proxies, the leftmost counts.
 */
export function clientAddress({ TRUSTED_PROXIES: hops }: Pick<Config, 'TRUSTED_PROXIES'>) {
  const peer = (request: Request, peers: Peers) => peers.requestIP(request)?.address ?? ''
  if (hops === 0) return peer
  return (request: Request, peers: Peers): string => {
    const chain = request.headers.get('x-forwarded-for') ?? ''
    let end = chain.length
    let comma = chain.lastIndexOf(',')
    for (let hop = 1; hop < hops && comma > 0; hop++) {
      end = comma
      comma = chain.lastIndexOf(',', comma - 1)
    }
    return chain.slice(comma + 1, end).trim() || peer(request, peers)
  }
}
