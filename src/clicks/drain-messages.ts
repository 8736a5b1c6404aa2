// The messages between the recorder and its worker.
import type { DatabaseAddress } from '../database/address.ts'
import type { PreparedSegment } from '../journal/journal.ts'
import type { DrainState } from './drain-state.ts'

export type DrainStart = {
  slot: string
  dataDir: string
  journalId: string
  startedAt: number
  shared: SharedArrayBuffer
  address: DatabaseAddress
  /** ms that drained segments are kept. */
  keep: number
  maxBytes: number
  /** The segment to prepare first; undefined if the writer has a spare one. */
  want: number | undefined
}
export type ToDrain =
  | { start: DrainStart }
  | { began: { segment: number; firstSequence: number }; want: number }
  | { wake: true }
  /** The database may answer now. */
  | { probe: true }
  | { faults: { frozen: boolean; away: number } }
  | { stop: number }
export type FromDrain =
  | { segment: PreparedSegment }
  | { state: DrainState }
  | { noRoom: string }
  | { log: { level: 'info' | 'warn' | 'error'; fields: Record<string, unknown>; message: string } }
  | { stopped: true }
