// Stores one journal in the database, in batches.
import { DatabaseUnreachable } from '../database/database-unreachable.ts'
import type { Database } from '../database/guard.ts'
import { type Portion, portionUpTo } from '../database/portion.ts'
import { isSchemaMissing } from '../database/sql-state.ts'
import type { Click } from '../journal/journal-format.ts'
import type { JournalReader } from '../journal/journal-reader.ts'
import { messageForLog } from '../telemetry/log-error.ts'
import { type ClickBatch, openBatch } from './batch.ts'
import type { DrainState, Report } from './drain-state.ts'
import { Fenced, type Stored, storeClicks, watermarkOf } from './store.ts'

/** Maximum clicks per batch in a backlog: sums over many clicks need few counters. */
const MAX_BATCH = 50_000
/** Size of the first batches, which measure the speed: clicks of many different links take a hundred times as long. */
const FIRST_BATCH = 5_000
/** Maximum characters of a batch's texts: 50,000 clicks of hostile headers would be 40 MB, and as much again for the statement. */
const MAX_TEXT = 16_000_000
/** From this many clicks it is a backlog, and the next batch is collected while one is stored. */
const BACKLOG = 10_000
const SLICE = 2_000
const RETRY_AFTER = 250
const DAY = 86_400_000
const FUTURE = 300_000

type Parts = {
  id: string
  reader: JournalReader
  startedAt: number
  state: DrainState
  report: Report
  /** The batch size; the caller may share it between journals. */
  portion: Portion
  /** Awaited before clicks are stored. */
  hold?: () => Promise<void>
}

/** Adapts the batch size to the speed of the last batches. */
export const batchPortion = () => portionUpTo(MAX_BATCH, FIRST_BATCH)

/**
 * Drains one journal. `step` stores what can be read (in a backlog it collects the next batch while one is stored) and returns the number of clicks.
 * While the database is unreachable it throws DatabaseUnreachable and loses nothing. A batch that is too large for the database makes the next one smaller.
 */
export function journalDrain(database: Database, { id, reader, startedAt, state, report, portion, hold }: Parts) {
  let watermark: number | undefined
  let clockAhead = 0
  let failing = false
  let tooMuch = false

  const clampTime = (time: number) => Math.min(Math.max(time, startedAt - DAY), Date.now() + clockAhead + FUTURE)

  /** Asks the database for the journal's watermark, and continues from there: at the start, after a fence, and after a failover. */
  async function align() {
    const known = await watermarkOf(database, id)
    clockAhead = known.clockAhead
    if (known.watermark === watermark) return
    if (watermark !== undefined)
      report(
        'warn',
        { journal: id, from: watermark, to: known.watermark },
        'the database has another watermark: continuing from there',
      )
    watermark = known.watermark
    if (!reader.seek(watermark))
      report('error', { journal: id, watermark }, 'the database lost clicks that are no longer in the journal')
    state.watermark = watermark
  }

  async function store(clicks: Click[], batch: ClickBatch) {
    state.oldest = clicks[0]!.time
    await hold?.()
    if (watermark === 0) await assertHasLinks(database)
    const { stored, leftOut, rejected } = await measured(clicks.length, () =>
      storeClicks(database, id, watermark!, clicks, clampTime, batch),
    )
    watermark = clicks.at(-1)!.sequence
    state.watermark = watermark
    state.stored += stored
    state.leftOut += leftOut
    state.rejected += rejected
    state.lastFlush = Date.now()
    state.oldest = undefined
    if (rejected > 0) report('error', { journal: id, rejected }, 'the database refused clicks: they are in click_rejects')
    if (leftOut > 0)
      report('info', { journal: id, clicks: leftOut }, 'clicks of purged links, or from before a reset, were left out')
  }

  async function measured(clicks: number, work: () => Promise<Stored>): Promise<Stored> {
    const started = performance.now()
    try {
      const stored = await work()
      portion.done(clicks, performance.now() - started)
      return stored
    } catch (error) {
      tooMuch = !(error instanceof Fenced) && portion.failed(error, clicks)
      throw error
    }
  }

  /** Collects up to a batch, in slices: in between, the previous batch is sent to the database. `full`: there may be more. */
  async function gather(most: number): Promise<{ clicks: Click[]; batch: ClickBatch; full: boolean }> {
    const clicks: Click[] = []
    const batch = openBatch(clampTime)
    let text = 0
    for (;;) {
      const wanted = Math.min(SLICE, most - clicks.length)
      const slice = reader.read(wanted)
      for (const click of slice) {
        clicks.push(click)
        batch.add(click)
        text += click.referrer.length + click.userAgent.length + click.address.length
      }
      const full = clicks.length === most || text > MAX_TEXT
      if (slice.length < wanted || full) return { clicks, batch: batch.close(), full }
      await new Promise(setImmediate)
    }
  }

  return {
    align,
    /** Whether the last step failed with a batch that may succeed in parts. */
    wasTooMuch: () => tooMuch,
    async step(stored: () => void): Promise<number> {
      let count = 0
      tooMuch = false
      try {
        if (watermark === undefined) await align()
        let storing: Promise<void> | undefined
        for (;;) {
          const { clicks, batch, full } = await gather(portion.size())
          await storing
          if (storing) stored()
          if (clicks.length === 0) break
          count += clicks.length
          storing = store(clicks, batch)
          if (!full && clicks.length < BACKLOG) {
            await storing
            stored()
            break
          }
          storing.catch(() => {}) // it is awaited in the next round
        }
        failing = false
        return count
      } catch (error) {
        watermark = undefined // what was collected is read again
        state.oldest ??= reader.read(1)[0]?.time // also for clicks from before the database was ever reached
        if (!(error instanceof Fenced) && !isSchemaMissing(error) && !(error instanceof DatabaseUnreachable && failing))
          report(
            'warn',
            { journal: id, next_batch: portion.size(), reason: messageForLog(error) },
            'clicks could not be stored and will be retried',
          )
        failing = true
        if (!(error instanceof Fenced)) await Bun.sleep(RETRY_AFTER)
        throw error
      }
    },
  }
}

/** Links are never removed, so a database without any is not this journal's: its clicks must wait instead of being left out. */
async function assertHasLinks(database: Database) {
  const [{ some }] = await database.run((sql) => sql<[{ some: boolean }]>`select exists (select from urls) as some`)
  if (!some) throw new DatabaseUnreachable('it has no links, and clicks wait for the database that has them')
}

/** Drains a whole journal. A batch that is too large is retried in parts at once, at most 16 times, until a single click fails. */
export async function drainWhole({ step, wasTooMuch }: ReturnType<typeof journalDrain>) {
  for (;;)
    try {
      if ((await step(() => {})) === 0) return
    } catch (error) {
      if (!wasTooMuch()) throw error
    }
}
