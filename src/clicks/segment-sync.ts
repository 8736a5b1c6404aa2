// Syncs what the writer has written to disk, every 200 ms, which is what a power failure may lose.
import { closeSync, fdatasync, openSync } from 'node:fs'
import { promisify } from 'node:util'
import type { SegmentFile } from '../journal/segments.ts'
import type { Report } from './drain-state.ts'

const datasync = promisify(fdatasync)

type Parts = {
  segments: SegmentFile[]
  /** The number of the current segment. */
  current: () => number
  /** Number of bytes written to it. */
  published: (segment: number) => number
  report: Report
}

/** Returns a function that syncs the current segment, and the previous one if the writer just left it; it never throws. */
export function segmentSync({ segments, current, published, report }: Parts) {
  let synced = { segment: -1, length: 0 }
  return async () => {
    const segment = current()
    const length = published(segment)
    const file = segments.find((one) => one.segment === segment)
    if (!file || (synced.segment === segment && synced.length === length)) return
    const previous = synced.segment !== segment ? segments.find((one) => one.segment === synced.segment) : undefined
    synced = { segment, length }
    for (const { path } of previous ? [previous, file] : [file])
      try {
        await syncFile(path)
      } catch (error) {
        report('error', { file: path, reason: (error as Error).message }, 'the click journal could not be synced')
      }
  }
}

async function syncFile(path: string) {
  const descriptor = openSync(path, 'r+')
  try {
    await datasync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
