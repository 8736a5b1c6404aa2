// A backup's file, gzipped. First a line with the header, then for each table a line with its name and columns, its rows in COPY's text format, and
// the line \., last a line with the sha256 of everything before. In format 1, of release 0.1.0, rows are lines of JSON, and nothing ends them.
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { writeAtomically } from '../base/atomic-write.ts'
import { causeOf, isFileError } from '../base/file-error.ts'

/** `months`: the partitions of its events. `sequences`: their last values. */
export type Header = {
  waypost: 'backup'
  format: number
  release: string
  schema: number
  made_at: string
  database: 'embedded' | 'external'
  months: string[]
  sequences: Record<string, number>
}

/** Not a backup, damaged, incomplete, or of a release that this one cannot read; the message is for the operator. */
export class BadBackup extends Error {
  override name = 'BadBackup'
}

export const FORMAT = 2
/** The first format with rows of COPY. */
const COPIED = 2
const LEVEL = 4 // takes a quarter of level 6's time, for some percent more
const PIECE = 256 * 1024
const STANDARD = '-'
const TABLE = '{"table":'
/** The line after the rows of a table: no row is like that, because COPY writes a backslash as two. */
const ROWS_END = '\\.'
const END = '{"sha256":'

/** A part of a file: a line, without its end, or whole rows of COPY. */
export type Part = string | Uint8Array

/** Writes parts to `file`, atomically and synced, or to standard output for `-`. */
export async function writeBackup(file: string, parts: AsyncIterable<Part>): Promise<void> {
  const gzip = () => createGzip({ level: LEVEL, chunkSize: PIECE })
  if (file === STANDARD) return pipeline(sealed(parts), gzip(), process.stdout)
  try {
    await writeAtomically(file, `${file}.${process.pid}.part`, (part) =>
      pipeline(sealed(parts), gzip(), createWriteStream(part, { mode: 0o600 })),
    )
  } catch (error) {
    throw isFileError(error)
      ? new Error(`the backup could not be written to ${file}: ${causeOf(error)}`, { cause: error })
      : error
  }
}

/** The parts of a table: a line, its rows, and a line. `rows` are pieces of any length. */
export async function* tableParts(table: string, columns: string[], rows: AsyncIterable<Uint8Array>): AsyncGenerator<Part> {
  yield JSON.stringify({ table, columns })
  let pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of rows) {
    pieces.push(piece)
    size += piece.length
    if (size < PIECE) continue
    yield Buffer.concat(pieces)
    pieces = []
    size = 0
  }
  if (size > 0) yield Buffer.concat(pieces)
  yield ROWS_END
}

/** The number of rows in whole rows of COPY, which writes line feeds as \n within a row. */
export function countRows(rows: Uint8Array): number {
  let count = 0
  for (let at = rows.indexOf(LF); at >= 0; at = rows.indexOf(LF, at + 1)) count++
  return count
}

const LF = 0x0a

/**
 * Yields the parts of a file, without the lines that end rows, and without the checksum. A damaged file throws BadBackup after the last part at the
 * latest: nothing may be committed before.
 */
export async function* readBackup(file: string): AsyncGenerator<Part> {
  const source: Readable = file === STANDARD ? process.stdin : createReadStream(file)
  const unpacked = createGunzip({ chunkSize: PIECE })
  unpacked.on('error', () => {}) // it may occur between two reads; the next one throws it
  source.on('error', (error) => unpacked.destroy(error))
  const hash = createHash('sha256')
  let held: string | undefined // held back: only the end of the file shows which line is the last
  try {
    for await (const part of partsOf(source.pipe(unpacked))) {
      if (held !== undefined) {
        hash.update(`${held}\n`)
        if (held !== ROWS_END) yield held
        held = undefined
      }
      if (typeof part === 'string') held = part
      else {
        hash.update(part)
        yield part
      }
    }
  } catch (error) {
    const { code } = error as { code?: string }
    if (isFileError(error)) throw new Error(`the backup ${file} cannot be read: ${causeOf(error)}`, { cause: error })
    if (!code?.startsWith('Z_')) throw error
    throw new BadBackup(
      code === 'Z_DATA_ERROR' && held === undefined ? `${file} is not a backup` : `${file} is damaged or incomplete`,
    )
  }
  if (held !== `${END}${JSON.stringify(hash.digest('hex'))}}`)
    throw new BadBackup(`${file} is damaged or incomplete: its checksum is wrong`)
}

async function* sealed(parts: AsyncIterable<Part>) {
  const hash = createHash('sha256')
  for await (const part of parts) {
    const text = typeof part === 'string' ? `${part}\n` : part
    hash.update(text)
    yield text
  }
  yield `${END}${JSON.stringify(hash.digest('hex'))}}\n`
}

/** Splits a file into lines and rows. */
async function* partsOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Part> {
  let copied: boolean | undefined
  let inRows = false
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of chunks) {
    const text = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    let at = 0
    for (;;) {
      if (inRows) {
        const end = endOfRows(text, at)
        const upTo = end ?? text.lastIndexOf(LF) + 1
        if (upTo > at) yield text.subarray(at, upTo)
        at = Math.max(at, upTo)
        if (end === undefined) break
        inRows = false
      }
      const end = text.indexOf(LF, at)
      if (end < 0) break
      const line = text.toString('utf8', at, end)
      at = end + 1
      yield line
      copied ??= formatOf(line) >= COPIED
      inRows = copied && line.startsWith(TABLE)
    }
    rest = text.subarray(at)
  }
  if (rest.length > 0) yield rest.toString()
}

/** Where the line is that ends the rows from `at` on; undefined if it is not there yet. */
function endOfRows(text: Buffer, at: number): number | undefined {
  if (text.toString('latin1', at, at + 3) === `${ROWS_END}\n`) return at
  const end = text.indexOf(`\n${ROWS_END}\n`, at)
  return end < 0 ? undefined : end + 1
}

function formatOf(header: string): number {
  try {
    return (JSON.parse(header) as Header).format
  } catch {
    return 0
  }
}
