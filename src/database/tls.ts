// TLS options for postgres.js, from sslmode and related parameters.
import { isIP } from 'node:net'
import { checkServerIdentity, getCACertificates } from 'node:tls'
import type { Tls } from '../config/database-tls.ts'
import { endpointOf } from './channel-binding.ts'

/** For the `ssl` option of postgres.js; the keys that start with `waypost` are for our patch of it. */
export function tlsOptions(tls: Tls, host: string) {
  const { verify, ca, system, cert, key, passphrase, minVersion, maxVersion } = tls
  return {
    rejectUnauthorized: verify !== undefined,
    checkServerIdentity: (_: string, certificate: never) =>
      verify === 'full' ? checkServerIdentity(host, certificate) : undefined,
    servername: tls.serverName && !isIP(host) ? host : undefined,
    ...(ca && { ca }),
    ...(system && { ca: getCACertificates('system') }),
    ...(cert && { cert, key, passphrase }),
    ...(minVersion && { minVersion }),
    ...(maxVersion && { maxVersion }),
    waypostOptional: tls.optional,
    waypostBinding: tls.bound ? endpointOf : undefined,
  }
}
