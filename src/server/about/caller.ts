import { addressIn } from '../../base/ip.ts'
import type { Config } from '../../config/config.ts'
import { clientAddress, type Peers } from '../../http/client-address.ts'

/** The caller's address as the server sees it, so that operators can check TRUSTED_PROXIES. */
export function callerOf(request: Request, { TRUSTED_PROXIES }: Pick<Config, 'TRUSTED_PROXIES'>, peers: Peers) {
  const connection = peers.requestIP(request)?.address ?? ''
  const named = (['X-Forwarded-For', 'Forwarded'] as const).find((name) => request.headers.has(name)) ?? 'X-Forwarded-For'
  const forwarded = request.headers.get(named)
  const entries = forwarded ? forwarded.split(',').length : 0
  return {
    address: addressIn(clientAddress({ TRUSTED_PROXIES })(request, peers)) || 'unknown',
    found_in: TRUSTED_PROXIES > 0 && forwarded ? named : ('connection' as const),
    connection,
    forwarded_for: forwarded,
    trusted_proxies: TRUSTED_PROXIES,
    note: noteOn(named, TRUSTED_PROXIES, entries, connection),
  }
}

function noteOn(header: string, trusted: number, entries: number, connection: string): string | null {
  if (entries > 0 && trusted === 0)
    return `${header} is ignored because TRUSTED_PROXIES is 0: behind a proxy, all visitors count as ${connection}`
  if (entries < trusted)
    return `TRUSTED_PROXIES is ${trusted}, but only ${entries} added to ${header}: anyone who reaches this port directly can claim any address`
  if (entries > trusted && trusted > 0)
    return `${header} contains ${entries} addresses, of which the last ${trusted} are trusted: correct if there are no further proxies`
  return null
}
