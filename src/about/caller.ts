import type { Config } from '../config.ts'
import { clientAddress, type Peers } from '../http/client-address.ts'

/** Who asks, as the server sees it: what an operator looks at to know whether TRUSTED_PROXIES is right. */
export function callerOf(request: Request, { TRUSTED_PROXIES }: Pick<Config, 'TRUSTED_PROXIES'>, peers: Peers) {
  const connection = peers.requestIP(request)?.address ?? ''
  const forwarded = request.headers.get('x-forwarded-for')
  const entries = forwarded ? forwarded.split(',').length : 0
  return {
    address: clientAddress({ TRUSTED_PROXIES })(request, peers),
    found_in: TRUSTED_PROXIES > 0 && forwarded ? ('X-Forwarded-For' as const) : ('connection' as const),
    connection,
    forwarded_for: forwarded,
    trusted_proxies: TRUSTED_PROXIES,
    note: noteOn(TRUSTED_PROXIES, entries, connection),
  }
}

function noteOn(trusted: number, entries: number, connection: string): string | null {
  if (entries > 0 && trusted === 0)
    return `X-Forwarded-For is not believed, because TRUSTED_PROXIES is 0: behind a proxy everybody counts as ${connection}`
  if (entries < trusted)
    return `TRUSTED_PROXIES is ${trusted}, but only ${entries} added to X-Forwarded-For: whoever reaches this port past a proxy may claim any address`
  if (entries > trusted && trusted > 0)
    return `X-Forwarded-For names ${entries} addresses, of which the last ${trusted} count: right, if there are no more proxies than that`
  return null
}
