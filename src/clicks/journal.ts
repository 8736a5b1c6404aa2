// The click journal, writer's side: what the redirect calls. Appending is a few stores into a memory-mapped file, no system call; the
// pages belong to the kernel, so kill -9 loses nothing. The worker makes segments ready (filled with zeros on disk first: a mapped page
// without a block behind it kills the process) and stores what is published; see drain-worker.ts.
import { closeSync, openSync, statfsSync, writeSync } from 'node:fs'
import { type Bytes, MAX_RECORD, SEGMENT_HEADER, seedOf, segmentHeader, viewsOf, writeRecord } from './journal-format.ts'

export type PreparedSegment = { number: number; path: string; size: number }

export type Journal = {
  id: string
  /** Appends a click; false where there is no room, and it is dropped. Never waits, never throws. */
  append: (linkId: number, time: number, referrer: string, userAgent: string, address: string) => boolean
  /** The worker has made this segment ready. */
  offer: (segment: PreparedSegment) => void
  /** Records appended since the start. */
  appended: () => number
  close: () => void
}

/** What writer and worker share: the segment in use, whether the worker sleeps, and each segment's committed length in 8 bytes. */
export const CONTROL = { segment: 0, asleep: 1, committed: 2, RING: 64 }
export const controlBlock = () => new SharedArrayBuffer((CONTROL.committed + CONTROL.RING) * 4)

/** `wake` is called when a click arrives while the worker sleeps, `want` when the next segment is to be made ready. */
export function openJournal(id: string, shared: SharedArrayBuffer, wake: () => void, want: (segment: number) => void): Journal {
  const control = new Int32Array(shared)
  const seed = seedOf(id)
  const startedAt = Date.now()
  let current: Segment | undefined
  let next: Segment | undefined
  let at = 0
  let count = 0

  function turn(): boolean {
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
    append(linkId, time, referrer, userAgent, address) {
      if ((current === undefined || at + MAX_RECORD > current.size) && !turn()) return false
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
      if (!current) turn()
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
  /** What to take from a place in the segment to get the place in `bytes`. */
  offset: (at: number) => number
  /** Makes the record at `at` part of the file; false where the file cannot take it. */
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
    close: () => void (map.buffer as ArrayBuffer).transfer(0), // unmaps now, not at some garbage collection
  }
}

/** Where mapping is not known to be safe, a record is one pwrite: 1.35 µs against 0.3. */
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

// ext2/3/4, xfs, tmpfs: tried for mapping files that were filled with zeros; others may move blocks under a mapping.
const MAPPABLE = new Set([0xef53, 0x58465342, 0x01021994])
const canMap = (path: string) => MAPPABLE.has(statfsSync(path).type >>> 0)
