// From journals into the database: the live journal of this process as it is written, and those of dead ones once.
import { rmSync, statSync, utimesSync } from 'node:fs'
import { basename } from 'node:path'
import { type Database, DatabaseAway } from '../database/guard.ts'
import { messageForLog } from '../telemetry/log-error.ts'
import { type Batch, openBatch } from './batch.ts'
import type { Click } from './journal-format.ts'
import type { Reader } from './journal-reader.ts'
import { openReader } from './journal-reader.ts'
import { journalsIn, type SegmentFile, UNUSED } from './segments.ts'
import { Fenced, type Stored, storeClicks, watermarkOf } from './store.ts'

export type DrainState = {
  /** The last sequence of the live journal that is stored. */
  watermark: number
  stored: number
  leftOut: number
  rejected: number
  adopted: number
  /** ms since 1970: when a batch was last stored, and the time of the oldest click under way. */
  lastFlush: number
  oldest: number | undefined
  /** The last attempt failed: nothing is stored soon. */
  failing: boolean
}

export type Report = (level: 'info' | 'warn' | 'error', fields: Record<string, unknown>, message: string) => void

export const newState = (): DrainState => ({
  watermark: 0,
  stored: 0,
  leftOut: 0,
  rejected: 0,
  adopted: 0,
  lastFlush: Date.now(),
  oldest: undefined,
  failing: false,
})

/** Clicks stored together when there is a backlog: sums over so many make few counters. */
const MAX_BATCH = 50_000
/** So many at once are a backlog: the next batch is gathered meanwhile. */
const BACKLOG = 10_000
const SLICE = 2_000
const RETRY_AFTER = 250
const DAY = 86_400_000
const FUTURE = 300_000

type Journal = {
  id: string
  reader: Reader
  startedAt: number
  state: DrainState
  report: Report
  /** Waited for before clicks are stored. */
  hold?: () => Promise<void>
}

/**
 * One journal's way into the database. `step` stores what there is to read (while there is a backlog, one batch is under way as the next is
 * gathered) and returns how many clicks that were; while the database is away it throws DatabaseAway and loses nothing.
 */
export function journalDrain(database: Database, { id, reader, startedAt, state, report, hold }: Journal) {
  let watermark: number | undefined
  let clockAhead = 0
  let failing = false

  const clampTime = (time: number) => Math.min(Math.max(time, startedAt - DAY), Date.now() + clockAhead + FUTURE)

  /** Asks the database how far this journal is stored, and reads on from there: at the start, after a fence, and after a failover. */
  async function align() {
    const known = await watermarkOf(database, id)
    clockAhead = known.clockAhead
    if (known.watermark === watermark) return
    if (watermark !== undefined)
      report(
        'warn',
        { journal: id, from: watermark, to: known.watermark },
        'the database knows another watermark: reading on from there',
      )
    watermark = known.watermark
    if (!reader.seek(watermark)) report('error', { journal: id, watermark }, 'clicks that the database lost are no longer kept')
    state.watermark = watermark
  }

  async function store(clicks: Click[], batch: Batch) {
    state.oldest = clicks[0]!.time
    await hold?.()
    const { stored, leftOut, rejected }: Stored = await storeClicks(database, id, watermark!, clicks, clampTime, batch)
    watermark = clicks.at(-1)!.sequence
    state.watermark = watermark
    state.stored += stored
    state.leftOut += leftOut
    state.rejected += rejected
    state.lastFlush = Date.now()
    state.oldest = undefined
    if (rejected > 0) report('error', { journal: id, rejected }, 'the database refused clicks: they are in click_rejects')
    if (leftOut > 0) report('info', { journal: id, clicks: leftOut }, 'clicks of purged links were left out')
  }

  /** Up to a batch, a slice at a time: in between, the one before goes out to the database. */
  async function gather(): Promise<{ clicks: Click[]; batch: Batch }> {
    const clicks: Click[] = []
    const batch = openBatch(clampTime)
    for (;;) {
      const slice = reader.read(Math.min(SLICE, MAX_BATCH - clicks.length))
      for (const click of slice) {
        clicks.push(click)
        batch.add(click)
      }
      if (slice.length < SLICE || clicks.length === MAX_BATCH) return { clicks, batch: batch.close() }
      await new Promise(setImmediate)
    }
  }

  return {
    align,
    async step(stored: () => void): Promise<number> {
      let count = 0
      try {
        if (watermark === undefined) await align()
        let underWay: Promise<void> | undefined
        for (;;) {
          const { clicks, batch } = await gather()
          await underWay
          if (underWay) stored()
          if (clicks.length === 0) break
          count += clicks.length
          underWay = store(clicks, batch)
          if (clicks.length < BACKLOG) {
            await underWay
            stored()
            break
          }
          underWay.catch(() => {}) // it is awaited in the next turn
        }
        failing = false
        return count
      } catch (error) {
        watermark = undefined // what was gathered is read again
        state.oldest ??= reader.read(1)[0]?.time // also of what came before the database was ever reached
        const noSchemaYet = (error as { code?: string }).code === '42P01'
        if (!(error instanceof Fenced) && !noSchemaYet && !(error instanceof DatabaseAway && failing))
          report('warn', { journal: id, reason: messageForLog(error) }, 'clicks could not be stored and will be tried again')
        failing = true
        if (!(error instanceof Fenced)) await Bun.sleep(RETRY_AFTER)
        throw error
      }
    },
  }
}

export type DeadJournal = { id: string; segments: SegmentFile[]; last: number; drainedAt: number }

type FolderOptions = {
  state: DrainState
  report: Report
  /** The live journal of this process. */
  except?: string
  /** What was drained before, by id: looked at again only where the database has lost some of it. Those drained now are added. */
  dead: Map<string, DeadJournal>
}

/**
 * Drains the journals of `folder` that no process writes any more, and removes the segments that they had made ready and never used. Retries
 * nothing: throws what the database does.
 */
export async function drainFolder(database: Database, folder: string, { state, report, except, dead }: FolderOptions) {
  const { journals, skipped } = await journalsIn(folder)
  for (const { path, reason } of skipped)
    if (reason === UNUSED) {
      if (!basename(path).startsWith(`${except}-`)) rmSync(path, { force: true })
    } else if (!complained.has(path)) {
      complained.add(path)
      report('error', { file: path, reason }, 'a journal file was skipped')
    }
  for (const [id, segments] of journals) {
    if (id === except || (dead.has(id) && (await watermarkOf(database, id)).watermark === dead.get(id)!.last)) continue
    const reader = openReader(id, segments)
    try {
      const own = newState()
      const drain = journalDrain(database, { id, reader, startedAt: segments[0]!.startedAt, state: own, report })
      while ((await drain.step(() => {})) > 0);
      state.adopted += own.stored
      state.leftOut += own.leftOut
      state.rejected += own.rejected
      if (own.stored > 0) report('info', { journal: id, clicks: own.stored }, 'clicks of an earlier process were stored')
      if (reader.skipped() > 0)
        report('error', { file: segments.at(-1)!.path, bytes: reader.skipped() }, 'damage in a journal file was passed over')
      if (own.stored + own.leftOut + own.rejected > 0) touch(segments)
      dead.set(id, { id, segments, last: own.watermark, drainedAt: writtenAt(segments) })
    } finally {
      reader.close()
    }
  }
}

/** The files tell the next process since when they are drained: one that is started again and again must not begin to count each time. */
const touch = (segments: SegmentFile[]) => {
  const now = new Date()
  for (const { path } of segments) utimesSync(path, now, now)
}
const writtenAt = (segments: SegmentFile[]) => Math.max(...segments.map(({ path }) => statSync(path).mtimeMs))

const complained = new Set<string>()

/** Deletes the files of a drained journal. */
export function removeJournal({ segments }: DeadJournal) {
  for (const { path } of segments) rmSync(path, { force: true })
}
