// Supplies the writer of the live journal with segments: reuses drained ones or creates new ones, within JOURNAL_MAX_BYTES.
import { dirname } from 'node:path'
import type { PreparedSegment } from '../journal/journal.ts'
import type { JournalReader } from '../journal/journal-reader.ts'
import { isOutOfSpace, prepareSegment, type SegmentFile, sizeOfSegment } from '../journal/segments.ts'
import { type DeadJournal, removeJournal } from './dead-journals.ts'

type Parts = {
  slot: string
  journalId: string
  /** ms that drained segments are kept. */
  keep: number
  maxBytes: number
  reader: JournalReader
  /** Drained journals of earlier processes, by id, which are deleted first if space is needed. */
  dead: Map<string, DeadJournal>
  post: (message: { segment: PreparedSegment } | { noRoom: string }) => void
}

/** `wanted`: the number of the segment to prepare first; undefined if the writer has a spare one. */
export function segmentSupply({ slot, journalId, keep, maxBytes, reader, dead, post }: Parts, wanted: number | undefined) {
  const drained: { segment: SegmentFile; at: number }[] = []

  function prepare() {
    if (wanted === undefined) return
    try {
      const now = Date.now()
      const crowded = (drained.length + 3) * sizeOfSegment(wanted) > maxBytes
      const free = drained.filter(({ at }) => crowded || now - at > keep).map(({ segment }) => segment)
      const offered = [...free]
      const segment = makingSpaceFor(() => prepareSegment(slot, journalId, wanted!, free, maxBytes))
      for (const used of offered.filter((one) => !free.includes(one))) {
        reader.forget(used)
        drained.splice(
          drained.findIndex((one) => one.segment === used),
          1,
        )
      }
      wanted = undefined
      post({ segment })
    } catch (error) {
      post({ noRoom: (error as Error).message })
    }
  }

  /** If there is no space, deletes drained journals of earlier processes first, which were only kept for a failover. */
  function makingSpaceFor<T>(work: () => T): T {
    for (;;)
      try {
        return work()
      } catch (error) {
        if (!isOutOfSpace(error)) throw error
        const own = [...dead.values()].filter(({ segments: [first], damaged }) => !damaged && dirname(first!.path) === slot)
        const [oldest] = own.sort((a, b) => a.drainedAt - b.drainedAt)
        if (!oldest) throw error
        removeJournal(oldest)
        dead.delete(oldest.id)
      }
  }

  return {
    /** Prepares the requested segment, if there is one. */
    prepare,
    want(number: number) {
      wanted = number
      prepare()
    },
    /** Marks drained segments: they may be reused once they were kept long enough to detect a failover. */
    release() {
      for (const segment of reader.passed())
        if (!drained.some((one) => one.segment === segment) && !reader.damaged().includes(segment))
          drained.push({ segment, at: Date.now() })
    },
  }
}
