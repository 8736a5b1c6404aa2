// Reads a journal in order, from any sequence on: a live one as far as its writer has published, a dead one to its last whole record.
import { closeSync, openSync, readSync } from 'node:fs'
import {
  type Bytes,
  type Click,
  MAX_RECORD,
  RECORD_MAGIC,
  readRecord,
  SEGMENT_HEADER,
  seedOf,
  viewsOf,
} from './journal-format.ts'
import type { SegmentFile } from './segments.ts'

export type JournalReader = {
  /** The next clicks, at most `limit`; an empty array if there are none yet. */
  read: (limit: number) => Click[]
  /** Moves to the record after `sequence`; false if it is no longer kept (the reader is then at the oldest that is). */
  seek: (sequence: number) => boolean
  /** Segments that the reader has finished. */
  passed: () => SegmentFile[]
  /** Removes a finished segment from the list: its file is reused. */
  forget: (segment: SegmentFile) => void
  /** Bytes of damage that were skipped. */
  skipped: () => number
  /** Segments of a live journal that are damaged, or whose file is missing. */
  damaged: () => SegmentFile[]
  /** The offset of the next read in the segment. */
  position: () => number
  close: () => void
}

/** The published length in bytes of a live journal's segment. Undefined for a dead journal. */
type Published = (segment: number) => number

const CHUNK = 1024 * 1024

export function openReader(journalId: string, segments: SegmentFile[], published?: Published): JournalReader {
  const seed = seedOf(journalId)
  let index = 0
  let at = SEGMENT_HEADER
  let last = 0 // sequence of the last record read
  let skipped = 0
  let lookedAgain = false
  const damaged: SegmentFile[] = [] // of a live journal
  let passedOver = 0 // zeros at a journal's end are no damage: this counts once a record follows
  let file: number | undefined
  let chunk: { from: number; length: number; bytes: Bytes } | undefined

  /** Reads a chunk from `at` on, at most up to `end`. */
  function load(segment: SegmentFile, end: number): boolean {
    file ??= openSegment(segment)
    if (file === undefined) return false
    const bytes = chunk?.bytes ?? viewsOf(new Uint8Array(CHUNK))
    const length = readSync(file, bytes.buffer, 0, Math.min(CHUNK, end - at), at)
    chunk = { from: at, length, bytes }
    return length > 0
  }

  function open(to: number) {
    if (file !== undefined) closeSync(file)
    file = undefined
    chunk = undefined
    index = to
    at = SEGMENT_HEADER
    passedOver = 0
  }

  function next(): Click | undefined {
    for (;;) {
      const segment = segments[index]
      if (!segment) return undefined
      const end = published ? published(segment.segment) : segment.size
      const found = at < end ? recordAt(segment, end) : undefined
      if (found) return found
      if (index + 1 >= segments.length) return undefined
      open(index + 1)
    }
  }

  function recordAt(segment: SegmentFile, end: number): Click | undefined {
    while (at < end) {
      const inChunk = chunk && at >= chunk.from && at < chunk.from + chunk.length
      if (!inChunk && !load(segment, end)) return passOver(segment, end)
      let found = readRecord(chunk!.bytes, at - chunk!.from, chunk!.length, seed)
      const chunkEnd = chunk!.from + chunk!.length
      if (!found && chunk!.from !== at && chunkEnd < end && at + MAX_RECORD > chunkEnd) {
        if (!load(segment, end)) return undefined // the record may extend beyond the chunk
        found = readRecord(chunk!.bytes, 0, chunk!.length, seed)
      }
      if (found) {
        at += found.length
        lookedAgain = false
        if (found.click.sequence <= last) continue // stored already, or left from the file's previous use
        skipped += passedOver
        passedOver = 0
        last = found.click.sequence
        return found.click
      }
      // Published records are whole, so a failure may come from a stale chunk: read again once before calling it damage.
      if (published && !lookedAgain) {
        lookedAgain = true
        chunk = chunk && { ...chunk, length: 0 }
        continue
      }
      if (passedOver === 0 && !published && isNextRecord(chunk!)) skipped += 8 // damage, even if nothing follows
      at += 8 // a hole or damage: records are aligned, so this finds the next whole one
      passedOver += 8
      if (published) markDamaged(segment)
    }
    return undefined
  }

  /** Whether the bytes at `at` look like the next record, whole or not. */
  function isNextRecord({ from, length, bytes: { words, doubles } }: NonNullable<typeof chunk>): boolean {
    const offset = at - from
    return offset + 32 <= length && words[offset >> 2] === RECORD_MAGIC && doubles[(offset >> 3) + 3] === last + 1
  }

  /** Handles missing bytes: the end of a dead journal that was cut off, or the lost file of a live one. */
  function passOver(segment: SegmentFile, end: number): undefined {
    if (!published) return
    skipped += end - at
    at = end
    markDamaged(segment)
  }

  function openSegment({ path }: SegmentFile): number | undefined {
    try {
      return openSync(path, 'r')
    } catch (error) {
      if (published && (error as { code?: string }).code === 'ENOENT') return undefined // it will not come back, and other segments are waiting
      throw error
    }
  }

  function markDamaged(segment: SegmentFile) {
    if (!damaged.includes(segment)) damaged.push(segment)
  }

  return {
    read(limit) {
      const clicks: Click[] = []
      while (clicks.length < limit) {
        const click = next()
        if (!click) break
        clicks.push(click)
      }
      return clicks
    },
    seek(sequence) {
      let to = segments.findLastIndex(({ firstSequence }) => firstSequence <= sequence + 1)
      const kept = to >= 0
      if (!kept) to = 0
      open(to)
      last = kept ? sequence : (segments[0]?.firstSequence ?? 1) - 1
      if (published && segments[to]) skipTo(segments[to]!, last)
      return kept || segments.length === 0
    },
    passed: () => segments.slice(0, index),
    forget(segment) {
      const position = segments.indexOf(segment)
      if (position < 0 || position >= index) return
      segments.splice(position, 1)
      index--
    },
    skipped: () => skipped,
    damaged: () => damaged,
    position: () => at,
    close() {
      if (file !== undefined) closeSync(file)
      file = undefined
    },
  }

  /** Skips the records up to `sequence`, which are whole and in order in a live segment. */
  function skipTo(segment: SegmentFile, sequence: number) {
    last = segment.firstSequence - 1
    while (last < sequence && recordAt(segment, published!(segment.segment)));
  }
}
