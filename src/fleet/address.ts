// The URL at which other replicas reach this one: never from a request's Host header, which anyone may forge.
import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { networkInterfaces } from 'node:os'
import { isEveryAddress, isLinkLocal, isLoopback } from '../base/ip.ts'
import { within } from '../base/time-limit.ts'
import type { Config } from '../config/config.ts'
import type { DatabaseAddress } from '../database/address.ts'

const WITHIN = 1_000

type Advertised = Pick<Config, 'ADVERTISE_URL' | 'HOST'>

/**
 * ADVERTISE_URL, or else `http://` with the port and HOST. If HOST is every address: the address of this machine on the route to the database, because
 * the other replicas reach the same database; if the database is on this machine, its first address.
 */
export async function advertisedUrl(
  { ADVERTISE_URL, HOST }: Advertised,
  port: number,
  database: DatabaseAddress,
): Promise<string> {
  if (ADVERTISE_URL) return ADVERTISE_URL
  const host = isEveryAddress(HOST)
    ? ((await addressTowards(database.kind === 'external' ? database.hosts[0]!.host : undefined)) ??
      firstAddress() ??
      '127.0.0.1')
    : HOST
  return `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`
}

/**
 * The address of one of several replicas that share HOST and PORT, for the others: on loopback, at any free port; or, with ADVERTISE_URL, at its
 * port plus `slot`, which other machines may reach.
 */
export function addressOfOne({ ADVERTISE_URL, HOST }: Advertised, slot: number): Advertised & Pick<Config, 'PORT'> {
  if (!ADVERTISE_URL) return { HOST: '127.0.0.1', PORT: 0, ADVERTISE_URL: undefined }
  const url = new URL(ADVERTISE_URL)
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80)) + slot
  url.port = String(port)
  return { HOST: isLoopback(url.hostname) ? url.hostname : HOST, PORT: port, ADVERTISE_URL: url.origin }
}

/** Connecting a UDP socket sends nothing: the system only chooses the route, and thus the local address. */
async function addressTowards(host: string | undefined): Promise<string | undefined> {
  if (!host || host.startsWith('/') || isLoopback(host)) return undefined
  const socket = await lookup(host).then(
    ({ address, family }) => ({ udp: createSocket(family === 6 ? 'udp6' : 'udp4'), address }),
    () => undefined,
  )
  if (!socket) return undefined
  const { udp, address } = socket
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  udp.once('error', () => resolve(undefined))
  udp.connect(9, address, () => resolve(udp.address().address))
  const found = await within(promise, WITHIN).catch(() => undefined)
  udp.close()
  return found && isLoopback(found) ? undefined : found
}

const firstAddress = () =>
  Object.values(networkInterfaces())
    .flat()
    .find((one) => one && !one.internal && !isLinkLocal(one.address))?.address
