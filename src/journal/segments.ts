// The journal's files, on the worker's side: prepares segments, keeps drained ones for a while, and reuses them.
import { closeSync, existsSync, fdatasyncSync, openSync, readdirSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { PreparedSegment } from './journal.ts'
import { journalIdIn, readSegmentHeader, SEGMENT_HEADER, type SegmentHeader } from './journal-format.ts'
import { namedBy, salvage } from './salvage.ts'

export type SegmentFile = SegmentHeader & { path: string; size: number }
type Skipped = { path: string; reason: string }

const ENDING = '.journal'
/** Marks a prepared segment that was never written to. */
export const UNUSED = 'empty'

export const segmentPath = (folder: string, journalId: string, number: number) =>
  join(folder, `${journalId}-${String(number).padStart(6, '0')}${ENDING}`)

/** 4, 16, then 64 MiB (some 300,000 clicks), so that a starting server does not wait long for the disk. */
export const sizeOfSegment = (number: number) => Math.min(64, 4 << (2 * Math.min(number, 2))) * 1024 * 1024

/** Thrown if the journals of a replica would exceed JOURNAL_MAX_BYTES, or the disk. */
export class JournalFull extends Error {
  override name = 'JournalFull'
}

/** Whether freeing disk space would help. */
export const isOutOfSpace = (error: unknown) =>
  error instanceof JournalFull || /^(ENOSPC|EDQUOT)$/.test(String((error as { code?: unknown }).code))

/**
 * Prepares segment `number` in `folder`: reuses a drained file of that size, or else fills a new one with zeros and syncs it, because a page mapped
 * over a hole kills the process when the disk is full. Throws the disk's error, or JournalFull.
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
    writeSync(descriptor, Buffer.alloc(SEGMENT_HEADER), 0, SEGMENT_HEADER, 0) // its old content must not be read again
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

/**
 * All journals of a folder, with their segments in order, and the unusable files, each with a reason. A segment whose header is lost is assigned to
 * a journal by its records. `known` gives further journal ids to try; it is called once, and only if a header is lost. Segments without a header that
 * belong to the journal `except`, which is being written, are ignored.
 */
export async function journalsIn(
  folder: string,
  { except, known = async () => [] }: { except?: string; known?: () => Promise<string[]> } = {},
): Promise<{ journals: Map<string, SegmentFile[]>; skipped: Skipped[] }> {
  const segments: SegmentFile[] = []
  const headless: Headless[] = []
  const skipped: Skipped[] = []
  for (const name of readdirSync(folder).filter((name) => name.endsWith(ENDING))) {
    const path = join(folder, name)
    try {
      const found = await headerOf(path)
      if ('reason' in found) skipped.push(found)
      else if ('firstSequence' in found) segments.push(found)
      else if (except === undefined || !name.startsWith(`${except}-`)) headless.push(found)
    } catch (error) {
      if (existsSync(path)) skipped.push({ path, reason: (error as Error).message })
    }
  }
  const ids = segments.map(({ journalId }) => journalId)
  const others = headless.length === 0 ? [] : [...ids, ...(await known())]
  for (const file of headless)
    try {
      const found = lookInto(file, others)
      if ('reason' in found) skipped.push(found)
      else segments.push(found)
    } catch (error) {
      skipped.push({ path: file.path, reason: (error as Error).message })
    }
  const journals = Map.groupBy(segments, ({ journalId }) => journalId)
  for (const list of journals.values()) list.sort((a, b) => a.firstSequence - b.firstSequence || a.segment - b.segment)
  return { journals, skipped }
}

type Headless = { path: string; size: number; changedAt: number; idInHeader: string }

async function headerOf(path: string): Promise<SegmentFile | Headless | Skipped> {
  const { size, mtimeMs } = statSync(path)
  const file = await open(path, 'r')
  try {
    const bytes = Buffer.alloc(SEGMENT_HEADER)
    await file.read(bytes, 0, SEGMENT_HEADER, 0)
    const header = readSegmentHeader(bytes)
    if (!header) return { path, size, changedAt: mtimeMs, idInHeader: journalIdIn(bytes) }
    if (!('journalId' in header)) return { path, reason: `it has format ${header.version}, which this release cannot read` }
    return { ...header, path, size }
  } finally {
    await file.close()
  }
}

/** Results for files that stay, so that each is searched once, not every ten seconds. */
const seen = new Map<string, { size: number; changedAt: number; found: SegmentFile | Skipped }>()

function lookInto({ path, size, changedAt, idInHeader }: Headless, others: string[]): SegmentFile | Skipped {
  const before = seen.get(path)
  if (before && before.size === size && before.changedAt === changedAt) return before.found
  const named = namedBy(path)
  const first = salvage(path, [...(named ? [named.journalId] : []), idInHeader, ...others])
  const found: SegmentFile | Skipped =
    first === 'zeros'
      ? { path, reason: UNUSED }
      : first === 'unknown'
        ? { path, reason: 'it is not a click journal, or its start is damaged' }
        : { ...first, segment: named?.segment ?? 0, path, size }
  seen.set(path, { size, changedAt, found })
  return found
}

const bytesIn = (folder: string) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(ENDING))
    .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
