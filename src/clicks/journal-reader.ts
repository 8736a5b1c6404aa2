// Reads a journal in order, from any sequence on: a live one up to what its writer has published, a dead one to its last whole record.
import { closeSync, openSync, readSync } from 'node:fs'
import { type Bytes, type Click, MAX_RECORD, readRecord, SEGMENT_HEADER, seedOf, viewsOf } from './journal-format.ts'
import type { SegmentFile } from './segments.ts'

export type Reader = {
  /** The next clicks, at most `limit`; none where there are none yet. */
  read: (limit: number) => Click[]
  /** Goes to the record after `sequence`; false where it is no longer kept (the reader then stands at the oldest that is). */
  seek: (sequence: number) => boolean
  /** Segments that lie wholly before the reader. */
  passed: () => SegmentFile[]
  /** Takes a segment that was passed off the list: its file is used for something else. */
  forget: (segment: SegmentFile) => void
  /** Bytes of damage that were passed over. */
  skipped: () => number
  /** The place in the segment that is read next. */
  position: () => number
  close: () => void
}

/** Where a live journal's writer is: the length in bytes that is published of a segment. Undefined for a dead journal. */
export type Published = (segment: number) => number

const CHUNK = 1024 * 1024

export function openReader(journalId: string, segments: SegmentFile[], published?: Published): Reader {
  const seed = seedOf(journalId)
  let index = 0
  let at = SEGMENT_HEADER
  let last = 0 // sequence of the last record read
  let skipped = 0
  let passedOver = 0 // zeros at a journal's end are no damage: this counts once a record follows
  let file: number | undefined
  let chunk: { from: number; length: number; bytes: Bytes } | undefined

  /** The bytes from `at` on, as far as they go, up to `end`. */
  function load(segment: SegmentFile, end: number): boolean {
    file ??= openSync(segment.path, 'r')
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
      if (at < end && published) throw new Error(`${segment.path} has no whole record at ${at}, before its published end`)
      if (index + 1 >= segments.length) return undefined
      open(index + 1)
    }
  }

  function recordAt(segment: SegmentFile, end: number): Click | undefined {
    while (at < end) {
      const inChunk = chunk && at >= chunk.from && at < chunk.from + chunk.length
      if (!inChunk && !load(segment, end)) return undefined
      let found = readRecord(chunk!.bytes, at - chunk!.from, chunk!.length, seed)
      const chunkEnd = chunk!.from + chunk!.length
      if (!found && chunk!.from !== at && chunkEnd < end && at + MAX_RECORD > chunkEnd) {
        if (!load(segment, end)) return undefined // the record may go on beyond the chunk
        found = readRecord(chunk!.bytes, 0, chunk!.length, seed)
      }
      if (found) {
        at += found.length
        if (found.click.sequence <= last) continue // stored already, or of the file's life before
        skipped += passedOver
        passedOver = 0
        last = found.click.sequence
        return found.click
      }
      if (published) return undefined
      at += 8 // a hole, or damage: records are aligned, so the next whole one is found
      passedOver += 8
    }
    return undefined
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
      const place = segments.indexOf(segment)
      if (place < 0 || place >= index) return
      segments.splice(place, 1)
      index--
    },
    skipped: () => skipped,
    position: () => at,
    close() {
      if (file !== undefined) closeSync(file)
      file = undefined
    },
  }

  /** In a live segment records up to `sequence` are whole and in order: reads past them. */
  function skipTo(segment: SegmentFile, sequence: number) {
    last = segment.firstSequence - 1
    while (last < sequence && recordAt(segment, published!(segment.segment)));
  }
}
