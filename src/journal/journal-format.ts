// The journal's byte format. A segment is a header followed by records, each 8-byte aligned, so that a reader can find the next record after damage.
// The checksum is seeded with the journal's id: remnants of another journal in a recycled file never pass for records.
import { crc32 } from 'node:zlib'

/** A click in the journal. `sequence` counts from 1 in each journal; `time` in ms since 1970; the texts are Latin-1; `marks` are bits of MARKS. */
export type Click = {
  sequence: number
  linkId: number
  time: number
  referrer: string
  userAgent: string
  address: string
  marks?: number
}

/** Bits of a record, which release 0.1.0 wrote as 0 and skips. `spent`: it spent one click of the link's max_clicks. */
export const MARKS = { spent: 1 }

export const VERSION = 1
export const SEGMENT_HEADER = 64
const SEGMENT_MAGIC = 0x4a50_5957 // "WYPJ"
export const RECORD_MAGIC = 0x4b43_4c43 // "CLCK"
const RECORD_HEADER = 48

declare global {
  // Internal methods of Node, not in its types: they skip the look-up of the encoding.
  interface Buffer {
    latin1Write(text: string, offset: number, length: number): number
    latin1Slice(start: number, end: number): string
  }
}

/** Maximum lengths: a hostile header must not fill the disk. */
const MAX_TEXT = { referrer: 255, userAgent: 400, address: 45 }

/** The maximum length of a record. */
export const MAX_RECORD = (RECORD_HEADER + MAX_TEXT.referrer + MAX_TEXT.userAgent + MAX_TEXT.address + 7) & ~7

/** Views of the same bytes, created once. */
export type Bytes = { buffer: Buffer; words: Int32Array; doubles: Float64Array }

export function viewsOf(bytes: Uint8Array): Bytes {
  const { buffer, byteOffset, byteLength } = bytes
  return {
    buffer: Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength),
    words: new Int32Array(buffer, byteOffset, byteLength >> 2),
    doubles: new Float64Array(buffer, byteOffset, byteLength >> 3),
  }
}

/** The seed of all checksums of a journal. */
export const seedOf = (journalId: string) => crc32(journalId)

// Offsets in a record:  0 magic  4 length  8 checksum  12 lengths of referrer and user agent  16 length of address  20 marks  24 sequence  32 time  40 link
/** Writes a record at `at` and returns its length. There must be MAX_RECORD bytes of room. */
export function writeRecord(
  { buffer, words, doubles }: Bytes,
  at: number,
  seed: number,
  sequence: number,
  linkId: number,
  time: number,
  referrer: string,
  userAgent: string,
  address: string,
  marks = 0,
): number {
  let end = at + RECORD_HEADER
  const referrerLength = buffer.latin1Write(referrer, end, MAX_TEXT.referrer)
  end += referrerLength
  const userAgentLength = buffer.latin1Write(userAgent, end, MAX_TEXT.userAgent)
  end += userAgentLength
  const addressLength = buffer.latin1Write(address, end, MAX_TEXT.address)
  end += addressLength
  while (end & 7) buffer[end++] = 0
  const word = at >> 2
  words[word] = RECORD_MAGIC
  words[word + 1] = end - at
  words[word + 3] = referrerLength | (userAgentLength << 16)
  words[word + 4] = addressLength
  words[word + 5] = marks
  const double = at >> 3
  doubles[double + 3] = sequence
  doubles[double + 4] = time
  doubles[double + 5] = linkId
  words[word + 2] = checksum(words, word + 3, end >> 2, seed)
  return end - at
}

/**
 * MurmurHash3 (x86, 32 bits; Appleby, public domain) over whole words: a flipped bit, a hole or another journal's record changes it. It takes
 * 75 ns per record; zlib's crc32, which needs a view of the bytes, takes 145.
 */
function checksum(words: Int32Array, from: number, to: number, seed: number): number {
  let hash = seed | 0
  for (let i = from; i < to; i++) {
    const k = Math.imul(words[i]!, 0xcc9e2d51)
    hash ^= Math.imul((k << 15) | (k >>> 17), 0x1b873593)
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
  }
  hash ^= (to - from) << 2
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

/** Reads the record at `at`; undefined if there is none, or a damaged one. */
export function readRecord(bytes: Bytes, at: number, end: number, seed: number): { click: Click; length: number } | undefined {
  const { buffer, words, doubles } = bytes
  if (at + RECORD_HEADER > end) return undefined
  const word = at >> 2
  const length = words[word + 1]!
  if (words[word] !== RECORD_MAGIC || length < RECORD_HEADER || length > MAX_RECORD || length & 7 || at + length > end)
    return undefined
  if (checksum(words, word + 3, (at + length) >> 2, seed) !== words[word + 2]) return undefined
  const referrerLength = words[word + 3]! & 0xffff
  const userAgentLength = words[word + 3]! >>> 16
  const addressAt = referrerLength + userAgentLength
  const textsLength = addressAt + words[word + 4]!
  const from = at + RECORD_HEADER
  if (from + textsLength > at + length) return undefined
  const texts = buffer.latin1Slice(from, from + textsLength) // one call: each takes 50 ns
  const double = at >> 3
  return {
    length,
    click: {
      sequence: doubles[double + 3]!,
      time: doubles[double + 4]!,
      linkId: doubles[double + 5]!,
      referrer: texts.slice(0, referrerLength),
      userAgent: texts.slice(referrerLength, addressAt),
      address: texts.slice(addressAt),
      marks: words[word + 5]!,
    },
  }
}

export type SegmentHeader = { journalId: string; segment: number; firstSequence: number; startedAt: number }

/** The first 64 bytes of a segment. */
export function segmentHeader({ journalId, segment, firstSequence, startedAt }: SegmentHeader): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER)
  header.writeInt32LE(SEGMENT_MAGIC, 0)
  header.writeInt32LE(VERSION, 4)
  header.write(journalId.replaceAll('-', ''), 8, 'hex')
  header.writeUInt32LE(segment, 24)
  header.writeDoubleLE(firstSequence, 32)
  header.writeDoubleLE(startedAt, 40)
  header.writeInt32LE(crc32(header.subarray(0, 60)) | 0, 60)
  return header
}

/** The id in a header, damaged or not. */
export function journalIdIn(header: Buffer): string {
  const hex = header.toString('hex', 8, 24)
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** Reads a segment's header; undefined if these bytes are not a header; only `version` if another release wrote it. */
export function readSegmentHeader(header: Buffer): (SegmentHeader & { version: number }) | { version: number } | undefined {
  if (header.length < SEGMENT_HEADER || header.readInt32LE(0) !== SEGMENT_MAGIC) return undefined
  if ((crc32(header.subarray(0, 60)) | 0) !== header.readInt32LE(60)) return undefined
  const version = header.readInt32LE(4)
  if (version !== VERSION) return { version }
  return {
    version,
    journalId: journalIdIn(header),
    segment: header.readUInt32LE(24),
    firstSequence: header.readDoubleLE(32),
    startedAt: header.readDoubleLE(40),
  }
}
