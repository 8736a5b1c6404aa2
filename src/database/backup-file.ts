// A backup's file: gzipped JSON lines. First the header, then for each table its name and its rows, last the sha256 of everything before.
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

export const FORMAT = 1
const LEVEL = 4 // takes a quarter of level 6's time, for some percent more
const STANDARD = '-'
const END = '{"sha256":'

/** Writes `lines` to `file`, atomically and synced, or to standard output for `-`. */
export async function writeBackup(file: string, lines: AsyncIterable<string[]>): Promise<void> {
  if (file === STANDARD) return pipeline(sealed(lines), createGzip({ level: LEVEL }), process.stdout)
  try {
    await writeAtomically(file, `${file}.${process.pid}.part`, (part) =>
      pipeline(sealed(lines), createGzip({ level: LEVEL }), createWriteStream(part, { mode: 0o600 })),
    )
  } catch (error) {
    throw isFileError(error)
      ? new Error(`the backup could not be written to ${file}: ${causeOf(error)}`, { cause: error })
      : error
  }
}

/** Yields the file's lines, without the checksum. A damaged file throws BadBackup after the last line at the latest: nothing may be committed before. */
export async function* readBackup(file: string): AsyncGenerator<string> {
  const source: Readable = file === STANDARD ? process.stdin : createReadStream(file)
  const unpacked = createGunzip()
  unpacked.on('error', () => {}) // it may occur between two reads; the next one throws it
  source.on('error', (error) => unpacked.destroy(error))
  const hash = createHash('sha256')
  let held: string | undefined // held back: only the end of the file shows which line is the last
  try {
    for await (const line of linesOf(source.pipe(unpacked))) {
      if (held !== undefined) {
        hash.update(`${held}\n`)
        yield held
      }
      held = line
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

async function* sealed(lines: AsyncIterable<string[]>) {
  const hash = createHash('sha256')
  for await (const some of lines) {
    const text = `${some.join('\n')}\n`
    hash.update(text)
    yield text
  }
  yield `${END}${JSON.stringify(hash.digest('hex'))}}\n`
}

async function* linesOf(chunks: AsyncIterable<Buffer>) {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop()!
    yield* lines
  }
  if (rest !== '') yield rest
}
