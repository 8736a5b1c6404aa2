// Journals of ended processes: drained once, and kept for a while.
import { rmSync, statSync, utimesSync } from 'node:fs'
import { DatabaseRefuses, DatabaseUnreachable } from '../database/database-unreachable.ts'
import { isPassing } from '../database/errors.ts'
import type { Database } from '../database/guard.ts'
import type { Portion } from '../database/portion.ts'
import { isSchemaMissing } from '../database/sql-state.ts'
import { openReader } from '../journal/journal-reader.ts'
import { journalsIn, type SegmentFile, UNUSED } from '../journal/segments.ts'
import { messageForLog } from '../telemetry/log-error.ts'
import { type DrainState, newState, type Report, reportOnce } from './drain-state.ts'
import { batchPortion, drainWhole, journalDrain } from './journal-drain.ts'
import { Fenced, settleLeases, watermarkOf } from './store.ts'

/** `damaged`: a part could not be read, so its files are kept. */
export type DeadJournal = { id: string; segments: SegmentFile[]; last: number; drainedAt: number; damaged: boolean }

type FolderOptions = {
  state: DrainState
  report: Report
  /** The live journal of this process. */
  except?: string
  /** Journals drained before, by id, which are drained again only if the database lost some of them. Newly drained ones are added. */
  dead: Map<string, DeadJournal>
  /** Kept by the caller between calls, so that a batch that was too large is not tried again. */
  portion?: Portion
}

/** What remains in a folder: files with unreadable parts, and journals that could not be stored. */
export type Left = { unread: string[]; failed: number }

/**
 * Drains the journals of `folder` that no process writes any more, and removes prepared segments that were never used. A journal that fails does not
 * affect the others, and is retried at the next call. Throws only if the database is unreachable, or is being prepared.
 */
export async function drainFolder(
  database: Database,
  folder: string,
  { state, report, except, dead, portion = batchPortion() }: FolderOptions,
): Promise<Left> {
  const { journals, skipped } = await journalsIn(folder, { except, known: () => knownJournals(database) })
  const left: Left = { unread: [], failed: 0 }
  for (const { path, reason } of skipped)
    if (reason === UNUSED) rmSync(path, { force: true })
    else {
      left.unread.push(path)
      reportOnce(report, { file: path, reason }, 'a journal file was skipped, and is kept')
    }
  for (const [id, segments] of journals) {
    if (id === except) continue
    try {
      const before = dead.get(id)
      const isDrained = before !== undefined && (await watermarkOf(database, id)).watermark === before.last
      const journal = isDrained ? before : await drainJournal(database, id, segments, { state, report, portion })
      dead.set(id, journal)
      if (journal.damaged) left.unread.push(...journal.segments.map(({ path }) => path))
    } catch (error) {
      if (isAway(error) || isSchemaMissing(error)) throw error
      left.failed++
      if (error instanceof Fenced || error instanceof DatabaseUnreachable) continue // another process has it, or it was reported
      left.unread.push(...segments.map(({ path }) => path))
      reportOnce(report, { journal: id, reason: messageForLog(error) }, 'a journal could not be stored, and is kept')
    }
  }
  return left
}

/** The database is unreachable. If it only refuses one journal's data, it may accept another's. */
const isAway = (error: unknown) =>
  error instanceof DatabaseUnreachable && !(error instanceof DatabaseRefuses) && !isPassing(error.cause)

type JournalOptions = Pick<FolderOptions, 'state' | 'report'> & { portion: Portion }

async function drainJournal(
  database: Database,
  id: string,
  segments: SegmentFile[],
  { state, report, portion }: JournalOptions,
): Promise<DeadJournal> {
  const reader = openReader(id, segments)
  try {
    const own = newState()
    await drainWhole(journalDrain(database, { id, reader, startedAt: segments[0]!.startedAt, state: own, report, portion }))
    await settleLeases(database, id)
    state.adopted += own.stored
    state.leftOut += own.leftOut
    state.rejected += own.rejected
    if (own.stored > 0) report('info', { journal: id, clicks: own.stored }, 'clicks of an earlier process were stored')
    const damaged = reader.skipped() > 0
    if (damaged)
      reportOnce(report, { file: segments.at(-1)!.path, bytes: reader.skipped() }, 'damage in a journal file was skipped')
    if (own.stored + own.leftOut + own.rejected > 0) touch(segments)
    return { id, segments, last: own.watermark, drainedAt: writtenAt(segments), damaged }
  } finally {
    reader.close()
  }
}

/** The ids of all journals ever: a segment without its header may belong to any of them. */
const knownJournals = async (database: Database) =>
  (await database.run((sql) => sql<{ journal_id: string }[]>`select journal_id from journals`)).map((row) => row.journal_id)

/** Records in the files when they were drained, so that a process that restarts often does not start counting again each time. */
function touch(segments: SegmentFile[]) {
  const now = new Date()
  for (const { path } of segments)
    try {
      utimesSync(path, now, now)
    } catch {
      // a read-only disk
    }
}

const writtenAt = (segments: SegmentFile[]) => Math.max(...segments.map(({ path }) => statSync(path).mtimeMs))

/** Deletes the files of a drained journal, unless a part could not be read. Returns whether it did. */
export function removeJournal({ segments, damaged }: DeadJournal): boolean {
  if (!damaged) for (const { path } of segments) rmSync(path, { force: true })
  return !damaged
}
