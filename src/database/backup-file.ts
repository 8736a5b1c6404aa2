// A backup's file: gzip of JSON, one value a line. First what it is, then for each table its name and its rows, last the sha256 of all that.
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, rmSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'

/** `months`: which partitions its events are in. `sequences`: what each has reached. */
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

/** Not a backup, not whole, not as it was written, or of a release that this one does not understand; the message is for the operator. */
export class BadBackup extends Error {
  override name = 'BadBackup'
}

export const FORMAT = 1
const LEVEL = 4 // a quarter of level 6's time for some percent more
const STANDARD = '-'
const END = '{"sha256":'

/** Writes `lines` to `file`, or to standard output for `-`. A file appears, whole and synced, in the place of the old one, or not at all. */
export async function writeBackup(file: string, lines: AsyncIterable<string[]>): Promise<void> {
  if (file === STANDARD) return pipeline(sealed(lines), createGzip({ level: LEVEL }), process.stdout)
  const part = `${file}.${process.pid}.part`
  try {
    await pipeline(sealed(lines), createGzip({ level: LEVEL }), createWriteStream(part, { mode: 0o600 }))
    await sync(part)
    await rename(part, file)
    await sync(dirname(file))
  } catch (error) {
    rmSync(part, { force: true })
    throw error
  }
}

/** What is in the file, line by line, without the last. Throws BadBackup at the latest after the last line: nothing may hold before. */
export async function* readBackup(file: string): AsyncGenerator<string> {
  const source: Readable = file === STANDARD ? process.stdin : createReadStream(file)
  const unpacked = createGunzip()
  unpacked.on('error', () => {}) // it may come between two reads; the next one throws it
  source.on('error', (error) => unpacked.destroy(error))
  const hash = createHash('sha256')
  let held: string | undefined // the last line is known as such when there is no other
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
    if (!code?.startsWith('Z_')) throw error
    throw new BadBackup(
      code === 'Z_DATA_ERROR' && held === undefined ? `${file} is no backup` : `${file} is damaged, or not whole`,
    )
  }
  if (held !== `${END}${JSON.stringify(hash.digest('hex'))}}`)
    throw new BadBackup(`${file} is damaged, or not whole: its checksum is wrong`)
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

async function sync(path: string) {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
