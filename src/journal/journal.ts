// The writer's side of the click journal, which the redirect calls. Appending is a few stores into a memory-mapped file, without a system call; the
// pages belong to the kernel, so kill -9 loses nothing. The worker prepares segments (filled with zeros on disk first: a mapped page without a
// block behind it kills the process) and stores what is published; see drain-worker.ts.
import { closeSync, openSync, statfsSync, writeSync } from 'node:fs'
import { type Bytes, MAX_RECORD, SEGMENT_HEADER, seedOf, segmentHeader, viewsOf, writeRecord } from './journal-format.ts'

export type PreparedSegment = { number: number; path: string; size: number }

export type Journal = {
  id: string
  /** Appends a click; false if there is no space, and it is dropped. Never waits, never throws. */
  append: (linkId: number, time: number, referrer: string, userAgent: string, address: string, marks?: number) => boolean
  /** Hands over a segment that the worker has prepared. */
  offer: (segment: PreparedSegment) => void
  /** Records appended since the start. */
  appended: () => number
  close: () => void
}

/** Memory shared by writer and worker: the current segment, whether the worker sleeps, and each segment's committed length in units of 8 bytes. */
export const CONTROL = { segment: 0, asleep: 1, committed: 2, RING: 64 }
export const controlBlock = () => new SharedArrayBuffer((CONTROL.committed + CONTROL.RING) * 4)

/** `wake` is called when a click arrives while the worker sleeps, `want` to have the next segment prepared. */
export function openJournal(id: string, shared: SharedArrayBuffer, wake: () => void, want: (segment: number) => void): Journal {
  const control = new Int32Array(shared)
  const seed = seedOf(id)
  const startedAt = Date.now()
  let current: Segment | undefined
  let next: Segment | undefined
  let at = 0
  let count = 0

  function nextSegment(): boolean {
    if (!next) return false
    current?.close()
    current = next
    next = undefined
    at = SEGMENT_HEADER
    current.write(segmentHeader({ journalId: id, segment: current.number, firstSequence: count + 1, startedAt }))
    Atomics.store(control, CONTROL.committed + (current.number % CONTROL.RING), at >> 3)
    Atomics.store(control, CONTROL.segment, current.number)
    want(current.number + 1)
    return true
  }

  return {
    id,
    append(linkId, time, referrer, userAgent, address, marks) {
      if ((current === undefined || at + MAX_RECORD > current.size) && !nextSegment()) return false
      const segment = current!
      const length = writeRecord(
        segment.bytes,
        at - segment.offset(at),
        seed,
        count + 1,
        linkId,
        time,
        referrer,
        userAgent,
        address,
        marks,
      )
      if (!segment.commit(at, length)) return false
      count++
      at += length
      Atomics.store(control, CONTROL.committed + (segment.number % CONTROL.RING), at >> 3)
      if (control[CONTROL.asleep] === 1) {
        control[CONTROL.asleep] = 0
        wake()
      }
      return true
    },
    offer(prepared) {
      next = canMap(prepared.path) ? mapped(prepared) : written(prepared)
      if (!current) nextSegment()
    },
    appended: () => count,
    close() {
      current?.close()
      next?.close()
      current = next = undefined
    },
  }
}

type Segment = {
  number: number
  size: number
  bytes: Bytes
  /** Subtracted from an offset in the segment to get the index in `bytes`. */
  offset: (at: number) => number
  /** Writes the record at `at` to the file; false if that fails. */
  commit: (at: number, length: number) => boolean
  write: (header: Buffer) => void
  close: () => void
}

function mapped({ number, path, size }: PreparedSegment): Segment {
  const map = Bun.mmap(path, { shared: true })
  const bytes = viewsOf(map)
  return {
    number,
    size,
    bytes,
    offset: () => 0,
    commit: () => true,
    write: (header) => void header.copy(bytes.buffer, 0),
    close: () => void (map.buffer as ArrayBuffer).transfer(0), // unmaps now instead of at garbage collection
  }
}

/** For file systems where mapping may be unsafe: one pwrite per record, 1.35 µs against 0.3. */
function written({ number, path, size }: PreparedSegment): Segment {
  const file = openSync(path, 'r+')
  const bytes = viewsOf(new Uint8Array(MAX_RECORD))
  return {
    number,
    size,
    bytes,
    offset: (at) => at,
    commit(at, length) {
      try {
        return writeSync(file, bytes.buffer, 0, length, at) === length
      } catch {
        return false
      }
    },
    write: (header) => void writeSync(file, header, 0, header.length, 0),
    close: () => closeSync(file),
  }
}

// ext2/3/4, xfs, tmpfs: tested for mapping files that were filled with zeros; others may move blocks under a mapping.
const MAPPABLE = new Set([0xef53, 0x58465342, 0x01021994])
const canMap = (path: string) => MAPPABLE.has(statfsSync(path).type >>> 0)
