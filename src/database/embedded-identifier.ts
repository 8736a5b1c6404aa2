// The system identifier of a cluster. Waypost tells databases apart by it, so clusters unpacked from one file each get their own. PostgreSQL keeps
// it in two places, and refuses to start if they differ.
import { randomBytes } from 'node:crypto'

const CONTROL = 'global/pg_control'
const WAL = /^pg_wal\/[0-9A-F]{24}$/

/** Bytes from which pg_control's checksum is looked for: its place depends on PostgreSQL's version. */
const CHECKSUM_FROM = 200
/** The first page of a WAL segment: flags, one of which says that the identifier follows, and the identifier. */
const FLAGS = 2
const LONG_HEADER = 2
const IN_WAL = 24

/** As initdb's: the seconds since 1970, then 32 bits that differ. */
export const newIdentifier = (): bigint => (BigInt(Math.floor(Date.now() / 1000)) << 32n) | BigInt(randomBytes(4).readUInt32LE())

/** Writes the identifier into the bytes of the cluster's file `name`, if it belongs there. Throws if they are not as PostgreSQL writes them. */
export function setIdentifier(name: string, file: Buffer, identifier: bigint) {
  if (name === CONTROL) {
    const checksum = checksumIn(file)
    file.writeBigUInt64LE(identifier)
    file.writeUInt32LE(crc32c(file.subarray(0, checksum)), checksum)
  } else if (WAL.test(name)) {
    if ((file.readUInt16LE(FLAGS) & LONG_HEADER) === 0) throw new Error(`${name} has no system identifier`)
    file.writeBigUInt64LE(identifier, IN_WAL)
  }
}

/** Where pg_control's checksum is: it covers all bytes before it. */
function checksumIn(control: Buffer): number {
  for (let at = CHECKSUM_FROM; at + 4 <= control.length; at += 4)
    if (crc32c(control.subarray(0, at)) === control.readUInt32LE(at)) return at
  throw new Error(`${CONTROL} has no checksum`)
}

/** CRC-32C (Castagnoli), which Bun.hash lacks. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}
