import statement from '../../sql/store-clicks.sql' with { type: 'text' }
import { type Database, DatabaseAway } from '../database/guard.ts'
import { batchOf } from './batch.ts'
import type { Click } from './journal-format.ts'

export type Stored = { stored: number; leftOut: number; rejected: number }

/** Somebody else has moved the journal's watermark: nothing was stored. */
export class Fenced extends Error {
  override name = 'Fenced'
}

const DEADLINE = 12_000 // statement_timeout is 10 s: what takes longer hangs on a dead connection, and the fence makes another try safe
/** So many take a fraction of a second: on a dead connection they wait as long as any query, and not longer the more of them there are. */
const FEW = 2_000
/** PostgreSQL plans a prepared statement for ten rows a list: 8,000 clicks of 2,000 links took over 10 s, planned for them 0.4 s. It costs 2 ms. */
const PREPARED = 100

/** What the database knows of a journal: its watermark, and how far its clock is ahead of ours (ms). Opens the journal where it is new. */
export async function watermarkOf(database: Database, journalId: string): Promise<{ watermark: number; clockAhead: number }> {
  const [row] = await database.run(
    (sql) => sql<{ watermark: number; now: number }[]>`
      with opened as (insert into journals (journal_id) values (${journalId}) on conflict do nothing returning watermark)
      select coalesce((select watermark from opened), (select watermark from journals where journal_id = ${journalId}), 0) as watermark,
             (extract(epoch from clock_timestamp()) * 1000)::float8 as now`,
  )
  return { watermark: row!.watermark, clockAhead: row!.now - Date.now() }
}

/**
 * Stores clicks of one journal, in order, and moves its watermark from `before` to the last of them, in one transaction. Throws Fenced where
 * the watermark is another. What the database refuses as data (SQLSTATE 22, 23) is halved down to the record, which goes to click_rejects;
 * nothing can block the drain for ever. `batch` is what `clicks` come to, where the caller had time to work it out before.
 */
export async function storeClicks(
  database: Database,
  journalId: string,
  before: number,
  clicks: Click[],
  clampTime: (time: number) => number,
  batch = batchOf(clicks, clampTime),
): Promise<Stored> {
  const after = clicks.at(-1)!.sequence
  try {
    const { events, totals, series, breakdowns } = batch
    const [row] = await database.run(
      (sql) =>
        sql.unsafe(
          statement,
          [
            [journalId, before, after],
            [events.link, events.at, events.details],
            [totals.link, totals.clicks, totals.bots, totals.last],
            [series.link, series.bucket, series.clicks, series.bots],
            [breakdowns.link, breakdowns.day, breakdowns.dimension, breakdowns.value, breakdowns.clicks, breakdowns.bots],
          ].flat() as never[],
          { prepare: clicks.length <= PREPARED },
        ),
      clicks.length <= FEW ? undefined : DEADLINE,
    )
    if (row!.fenced === 0) throw new Fenced(`the watermark of journal ${journalId} is not ${before}`)
    return { stored: row!.stored, leftOut: clicks.length - row!.stored, rejected: 0 }
  } catch (error) {
    if (!isBadData(error)) throw error
    if (clicks.length === 1) return reject(database, journalId, before, clicks[0]!, (error as Error).message)
    const middle = clicks.length >> 1
    const first = await storeClicks(database, journalId, before, clicks.slice(0, middle), clampTime)
    const rest = await storeClicks(database, journalId, clicks[middle - 1]!.sequence, clicks.slice(middle), clampTime)
    return { stored: first.stored + rest.stored, leftOut: first.leftOut + rest.leftOut, rejected: first.rejected + rest.rejected }
  }
}

async function reject(database: Database, journalId: string, before: number, click: Click, reason: string): Promise<Stored> {
  const [row] = await database.run(
    (sql) => sql<{ fenced: number }[]>`
      with fence as (
        update journals set watermark = ${click.sequence}, updated_at = now()
        where journal_id = ${journalId} and watermark = ${before} returning journal_id),
      rejected as (
        insert into click_rejects (journal_id, sequence, reason, record)
        select journal_id, ${click.sequence}, ${reason.slice(0, 500)}, ${sql.json(printable(click))} from fence)
      select count(*) as fenced from fence`,
  )
  if (row!.fenced === 0) throw new Fenced(`the watermark of journal ${journalId} is not ${before}`)
  return { stored: 0, leftOut: 0, rejected: 1 }
}

const printable = (click: Click) => JSON.parse(JSON.stringify(click).replaceAll('\\u0000', '?'))

const isBadData = (error: unknown) => !(error instanceof DatabaseAway) && /^2[23]/.test(String((error as { code?: string }).code))
