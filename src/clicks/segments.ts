// The journal's files, worker's side: makes segments ready, keeps drained ones for a while, and uses them again.
import { closeSync, fdatasyncSync, openSync, readdirSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { PreparedSegment } from './journal.ts'
import { readSegmentHeader, SEGMENT_HEADER, type SegmentHeader } from './journal-format.ts'

export type SegmentFile = SegmentHeader & { path: string; size: number }
type Skipped = { path: string; reason: string }

const ENDING = '.journal'
/** Why a file is no journal that was made ready and never used. */
export const UNUSED = 'empty'

export const segmentPath = (folder: string, journalId: string, number: number) =>
  join(folder, `${journalId}-${String(number).padStart(6, '0')}${ENDING}`)

/** 4, 16, then 64 MiB (some 300,000 clicks): a server that starts need not wait for the disk. */
export const sizeOfSegment = (number: number) => Math.min(64, 4 << (2 * Math.min(number, 2))) * 1024 * 1024

/** Thrown where the journals of a replica would take more than JOURNAL_MAX_BYTES, or than the disk has. */
export class JournalFull extends Error {
  override name = 'JournalFull'
}

/** Whether less of anything else on the disk would help. */
export const isWantOfRoom = (error: unknown) =>
  error instanceof JournalFull || /^(ENOSPC|EDQUOT)$/.test(String((error as { code?: unknown }).code))

/**
 * Makes segment `number` ready in `folder`: a drained file of that size used again, else a new one, filled with zeros and synced, because a
 * page mapped over a hole kills the process when the disk is full. Throws what the disk says, or JournalFull.
 */
export function prepareSegment(
  folder: string,
  journalId: string,
  number: number,
  drained: SegmentFile[],
  maxBytes: number,
): PreparedSegment {
  const size = sizeOfSegment(number)
  const path = segmentPath(folder, journalId, number)
  const again = drained.findIndex((file) => file.size === size)
  if (again >= 0) {
    const [file] = drained.splice(again, 1)
    const descriptor = openSync(file!.path, 'r+')
    writeSync(descriptor, Buffer.alloc(SEGMENT_HEADER), 0, SEGMENT_HEADER, 0) // what it was must not be read again
    closeSync(descriptor)
    renameSync(file!.path, path)
    return { number, path, size }
  }
  if (bytesIn(folder) + size > maxBytes)
    throw new JournalFull(`the journals of ${folder} have reached JOURNAL_MAX_BYTES (${maxBytes})`)
  const file = openSync(path, 'w', 0o600)
  try {
    const zeros = Buffer.alloc(1024 * 1024)
    for (let at = 0; at < size; at += zeros.length) {
      if (writeSync(file, zeros, 0, zeros.length, at) !== zeros.length) throw new JournalFull('the disk is full')
    }
    fdatasyncSync(file)
  } catch (error) {
    rmSync(path, { force: true })
    throw error
  } finally {
    closeSync(file)
  }
  return { number, path, size }
}

/** Every journal of a folder, its segments in order; and the files that are none, or another release's, with the reason. */
export async function journalsIn(folder: string): Promise<{ journals: Map<string, SegmentFile[]>; skipped: Skipped[] }> {
  const journals = new Map<string, SegmentFile[]>()
  const skipped: Skipped[] = []
  for (const name of readdirSync(folder).filter((name) => name.endsWith(ENDING))) {
    const path = join(folder, name)
    const header = await headerOf(path)
    if (typeof header === 'string') skipped.push({ path, reason: header })
    else journals.set(header.journalId, [...(journals.get(header.journalId) ?? []), header])
  }
  for (const segments of journals.values()) segments.sort((a, b) => a.segment - b.segment)
  return { journals, skipped }
}

async function headerOf(path: string): Promise<SegmentFile | string> {
  const size = statSync(path).size
  const file = await open(path, 'r')
  try {
    const bytes = Buffer.alloc(SEGMENT_HEADER)
    await file.read(bytes, 0, SEGMENT_HEADER, 0)
    if (bytes.every((byte) => byte === 0)) return UNUSED
    const header = readSegmentHeader(bytes)
    if (!header) return 'it is not a click journal, or its beginning is damaged'
    if (!('journalId' in header)) return `it has format ${header.version}, which this release does not know`
    return { ...header, path, size }
  } finally {
    await file.close()
  }
}

const bytesIn = (folder: string) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(ENDING))
    .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
