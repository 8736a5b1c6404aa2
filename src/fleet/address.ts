// Where the other replicas reach this one: never what a request's Host header says, which anybody may write.
import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { networkInterfaces } from 'node:os'
import type { Config } from '../config.ts'
import type { Address } from '../database/connect.ts'

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|\[?::1\]?)$/i
const ANY = /^(0\.0\.0\.0|\[?::\]?)$/
const WITHIN = 1_000

/**
 * ADVERTISE_URL, else `http://` with the port and: HOST where it is one address; where it is all of them, the address of this machine from
 * which the database is reached, because the other replicas reach the same database; where that is this machine itself, its first address.
 */
export async function advertisedUrl({ ADVERTISE_URL, HOST }: Config, port: number, database: Address): Promise<string> {
  if (ADVERTISE_URL) return ADVERTISE_URL
  const host = ANY.test(HOST)
    ? ((await addressTowards(database.kind === 'external' ? database.hosts[0]!.host : undefined)) ??
      firstAddress() ??
      '127.0.0.1')
    : HOST
  return `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`
}

/** True for a URL that leads to the machine it is used on. */
export const isLoopback = (url: string) => LOOPBACK.test(URL.parse(url)?.hostname ?? '')

/** Connecting a UDP socket sends nothing: the system only chooses the way. */
async function addressTowards(host: string | undefined): Promise<string | undefined> {
  if (!host || host.startsWith('/') || LOOPBACK.test(host)) return undefined
  const socket = await lookup(host).then(
    ({ address, family }) => ({ udp: createSocket(family === 6 ? 'udp6' : 'udp4'), address }),
    () => undefined,
  )
  if (!socket) return undefined
  const { udp, address } = socket
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  udp.once('error', () => resolve(undefined))
  udp.connect(9, address, () => resolve(udp.address().address))
  const found = await Promise.race([promise, Bun.sleep(WITHIN).then(() => undefined)])
  udp.close()
  return found && LOOPBACK.test(found) ? undefined : found
}

const firstAddress = () =>
  Object.values(networkInterfaces())
    .flat()
    .find((one) => one && !one.internal && !one.address.startsWith('fe80:'))?.address
