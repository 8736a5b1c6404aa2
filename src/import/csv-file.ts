// A CSV file as a stream of bytes. It can be read several times: an error is located in a second reading.
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { causeOf } from '../base/file-error.ts'

export type CsvFile = {
  /** In bytes. */
  size: number
  /** Its bytes, in slices of at most 64 KiB. */
  slices: () => AsyncIterable<Uint8Array>
}

const SLICE = 64 * 1024

/** A file from memory. */
export const inMemory = (bytes: Uint8Array): CsvFile => ({
  size: bytes.length,
  async *slices() {
    for (let at = 0; at < bytes.length; at += SLICE) yield bytes.subarray(at, at + SLICE)
  },
})

/** A file from the disk. Throws, also while it is read, an error that names the file. */
export async function onDisk(path: string): Promise<CsvFile> {
  const unreadable = (error: unknown) => new Error(`cannot read ${path}: ${causeOf(error)}`, { cause: error })
  const { size } = await stat(path).catch((error) => {
    throw unreadable(error)
  })
  return {
    size,
    async *slices() {
      try {
        yield* createReadStream(path, { highWaterMark: SLICE })
      } catch (error) {
        throw unreadable(error)
      }
    },
  }
}
