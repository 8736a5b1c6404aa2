// The samples of one slot on disk, for its next start and for other replicas on this DATA_DIR. The file has a fixed size of 0.8 MB; each
// sample has a position determined by its time, and its own checksum. A power failure during a write invalidates one sample.
import { closeSync, existsSync, ftruncateSync, openSync, readFileSync, readSync, renameSync, statSync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { putAside, type Unusable } from '../../slot/put-aside.ts'
import type { Log } from '../../telemetry/logs.ts'
import { COLUMNS } from './columns.ts'

/** Samples of 1, 10 and 30 s, kept for 15 minutes, 3 hours and a day. */
export const TIERS = [
  { step: 1, slots: 900 },
  { step: 10, slots: 1_080 },
  { step: 30, slots: 2_880 },
]
const FORMAT = 1
const IS = 'samples'
const HEAD = 4_096
const WORD = 4

/** The rows of one tier in order of time: first second, then the columns in the order of COLUMNS. */
export type Kept = { step: number; rows: number[][] }

const widthOf = (columns: string[]) => columns.length + 2 // plus first second and checksum
const sizeOf = (columns: string[]) => HEAD + WORD * widthOf(columns) * TIERS.reduce((sum, { slots }) => sum + slots, 0)

function headOf(columns: string[]): Buffer {
  const body = { file: IS, format: FORMAT, tiers: TIERS, columns }
  const text = `${JSON.stringify({ ...body, crc: crcOf(JSON.stringify(body)) })}\n`
  return Buffer.concat([Buffer.from(text), Buffer.alloc(HEAD - Buffer.byteLength(text), 0x20)])
}

const crcOf = (data: string | Uint8Array) => Bun.hash.crc32(data) >>> 0

class Unfit extends Error {
  constructor(
    readonly why: Unusable,
    message: string,
  ) {
    super(message)
  }
}

/** Reads the names of the columns from the header. Throws Unfit. */
function columnsIn(head: Buffer): string[] {
  let header: { file?: unknown; format?: unknown; crc?: unknown; columns?: unknown }
  try {
    header = JSON.parse(head.toString())
  } catch {
    throw new Unfit('damaged', 'it has no header of a samples file')
  }
  const { crc, ...body } = header
  if (body.file !== IS) throw new Unfit('damaged', 'its header is that of another kind of file')
  if (typeof body.format !== 'number' || crc !== crcOf(JSON.stringify(body)))
    throw new Unfit('damaged', 'its header has a wrong checksum')
  if (body.format > FORMAT) throw new Unfit('newer', `it has format ${body.format}, but this release supports ${FORMAT}`)
  return body.columns as string[]
}

/** Reads all valid samples, with columns in the order of COLUMNS. Throws Unfit, or an error of the file system. */
export function readRing(path: string): Kept[] {
  const stat = statSync(path)
  if (!stat.isFile()) throw new Unfit('unreadable', 'it is not a file')
  if (stat.size < HEAD || stat.size > 16 * 1024 ** 2) throw new Unfit('damaged', `it has ${stat.size} bytes`)
  const bytes = readFileSync(path)
  const columns = columnsIn(bytes.subarray(0, HEAD))
  if (bytes.length !== sizeOf(columns)) throw new Unfit('damaged', `it has ${bytes.length} bytes`)
  const width = widthOf(columns)
  const indices = COLUMNS.map((name) => columns.indexOf(name)) // -1 if the release that wrote the file lacks the column
  let at = HEAD
  return TIERS.map(({ step, slots }) => {
    const rows: number[][] = []
    for (let slot = 0; slot < slots; slot++, at += width * WORD) {
      const begin = bytes.readUInt32LE(at)
      if (begin === 0 || begin % step !== 0 || (begin / step) % slots !== slot) continue
      const end = at + (width - 1) * WORD
      if (bytes.readUInt32LE(end) !== crcOf(bytes.subarray(at, end))) continue
      rows.push([begin, ...indices.map((index) => (index < 0 ? 0 : bytes.readUInt32LE(at + (index + 1) * WORD)))])
    }
    return { step, rows: rows.sort((a, b) => a[0]! - b[0]!) }
  })
}

/**
 * Opens and reads the file of a slot. An unusable file is logged and set aside; a file with other columns (of another release) is
 * rewritten. Never throws: without a file, `write` does nothing.
 */
export function openRingFile(path: string, log: Pick<Log, 'error' | 'warn'>) {
  const kept = load()
  let failed = false

  function load(): Kept[] {
    try {
      if (!existsSync(path)) return create([])
      const found = readRing(path)
      return isOurs() ? found : create(found)
    } catch (error) {
      const why = error instanceof Unfit ? error.why : 'unreadable'
      const aside = putAside(path, why)
      log.error(
        { file: path, reason: (error as Error).message, kept_as: aside },
        `cannot read the samples (${why}): the charts start empty`,
      )
      return aside === undefined ? [] : create([])
    }
  }

  function isOurs(): boolean {
    const head = Buffer.alloc(HEAD)
    const file = openSync(path, 'r')
    try {
      readSync(file, head, 0, HEAD, 0)
    } finally {
      closeSync(file)
    }
    return head.equals(headOf(COLUMNS))
  }

  /** Creates the file with `rows`, atomically. */
  function create(rows: Kept[]): Kept[] {
    const fresh = `${path}.new`
    try {
      const file = openSync(fresh, 'w', 0o600)
      try {
        ftruncateSync(file, sizeOf(COLUMNS))
        writeSync(file, headOf(COLUMNS), 0, HEAD, 0)
        for (const one of rows) for (const { at, bytes } of piecesOf(one)) writeSync(file, bytes, 0, bytes.length, at)
      } finally {
        closeSync(file)
      }
      renameSync(fresh, path)
    } catch (error) {
      log.warn({ file: path, err: error }, 'cannot write the samples file: after a restart the charts start empty')
    }
    return rows
  }

  return {
    /** The content of the file when it was opened. */
    kept,
    /** Writes rows at their positions. Never throws: a failure is logged once, until a write succeeds. */
    async write(parts: Kept[]): Promise<void> {
      try {
        const file = await open(path, 'r+')
        try {
          for (const part of parts) for (const { at, bytes } of piecesOf(part)) await file.write(bytes, 0, bytes.length, at)
        } finally {
          await file.close()
        }
        failed = false
      } catch (error) {
        if (!failed) log.warn({ file: path, err: error }, 'cannot write the samples: will try again every 10 s')
        failed = true
      }
    },
  }
}

/** Adjacent rows are combined into one write. */
function piecesOf({ step, rows }: Kept): { at: number; bytes: Buffer }[] {
  const tier = TIERS.findIndex((one) => one.step === step)
  const { slots } = TIERS[tier]!
  const width = widthOf(COLUMNS)
  const first = HEAD + WORD * width * TIERS.slice(0, tier).reduce((sum, { slots }) => sum + slots, 0)
  const pieces: { at: number; parts: Buffer[] }[] = []
  for (const row of rows) {
    const bytes = Buffer.from(Uint32Array.from([...row, 0]).buffer)
    bytes.writeUInt32LE(crcOf(bytes.subarray(0, bytes.length - WORD)), bytes.length - WORD)
    const at = first + WORD * width * ((row[0]! / step) % slots)
    const last = pieces.at(-1)
    if (last && last.at + last.parts.length * WORD * width === at) last.parts.push(bytes)
    else pieces.push({ at, parts: [bytes] })
  }
  return pieces.map(({ at, parts }) => ({ at, bytes: Buffer.concat(parts) }))
}
