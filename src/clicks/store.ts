import text from '../../sql/store-clicks.sql' with { type: 'text' }
import type { Resource } from '../base/resource.ts'
import { DatabaseUnreachable } from '../database/database-unreachable.ts'
import type { Database, Sql, Transaction } from '../database/guard.ts'
import { inPortions, portionUpTo } from '../database/portion.ts'
import { hasState } from '../database/sql-state.ts'
import { type Click, MARKS } from '../journal/journal-format.ts'
import { numbersText, textsText } from './array-text.ts'
import { batchOf, type ClickBatch, noLimits } from './batch.ts'
import { learn } from './dictionary.ts'

export const clickResource = {
  tables: {
    link_totals: { leftOut: ['reset_xid'] },
    click_series: {},
    click_breakdowns: {},
    click_days: {},
    click_months: {},
    click_resets: {},
    journals: {}, // each journal's watermark: restored with the clicks, so that none is stored twice
    click_agents: { sequence: 'click_agents_id_seq' },
    click_referrers: { sequence: 'click_referrers_id_seq' },
    clicks: { content: true },
    click_rollup: {},
    click_rejects: { sequence: 'click_rejects_id_seq' },
  },
} satisfies Resource

export type Stored = { stored: number; leftOut: number; rejected: number }

/** Another process moved the journal's watermark: nothing was stored. */
export class Fenced extends Error {
  override name = 'Fenced'
}

export const storeStatement = text

const DEADLINE = 12_000 // statement_timeout is 10 s: a statement that takes longer has a dead connection, and the fence makes a retry safe
const leasesPortion = portionUpTo(1_000)
/** This many take a fraction of a second, so on a dead connection they wait no longer than any other query. */
const FEW = 2_000
/** PostgreSQL plans a prepared statement for ten rows a list: 8,000 clicks of 2,000 links took 10 s, but 0.4 s with their own plan, which costs 2 ms. */
const PREPARED = 100

/** A journal's watermark in the database, and how far the database's clock is ahead of ours (ms). Creates the journal if it is new. */
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
 * Stores clicks of one journal, in order, and moves its watermark from `before` to the last of them, in one transaction. Throws Fenced if the watermark
 * is another. Data that the database refuses (SQLSTATE 22, 23, 54) is halved down to the bad record, which goes to click_rejects, so that nothing
 * blocks the drain forever. `batch` is the conversion of `clicks`, if the caller already has it.
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
    const row = await database.run(
      (sql) => storeBatch(sql, { journal: journalId, before, after }, clicks, clampTime, batch),
      clicks.length <= FEW ? undefined : DEADLINE,
    )
    if (row.fenced === 0) throw new Fenced(`the watermark of journal ${journalId} is not ${before}`)
    return { stored: row.stored, leftOut: clicks.length - row.stored, rejected: 0 }
  } catch (error) {
    // One of the links was reset while the statement waited for its lock: the next one sees it.
    if (error instanceof DatabaseUnreachable && hasState(error.cause, 'serialization_failure'))
      return storeClicks(database, journalId, before, clicks, clampTime, batch)
    if (!isBadData(error)) throw error
    if (clicks.length === 1) return reject(database, journalId, before, clicks[0]!, (error as Error).message)
    const middle = clicks.length >> 1
    const first = await storeClicks(database, journalId, before, clicks.slice(0, middle), clampTime)
    const rest = await storeClicks(database, journalId, clicks[middle - 1]!.sequence, clicks.slice(middle), clampTime)
    return { stored: first.stored + rest.stored, leftOut: first.leftOut + rest.leftOut, rejected: first.rejected + rest.rejected }
  }
}

type Span = { journal: string; before: number; after: number }
type Row = { fenced: number; stored: number; unknown: boolean; late: Record<string, number> | null }

/**
 * Stores `batch`, the conversion of `clicks`. Clicks from before a reset of their link are left out. If `fenced` is 0, the journal's watermark is not
 * `before`, and nothing was stored.
 */
export async function storeBatch(
  sql: Sql | Transaction,
  of: Span,
  clicks: Click[],
  clampTime: (time: number) => number,
  batch: ClickBatch,
): Promise<Row> {
  const { resets, inline } = noLimits()
  for (;;) {
    const [row] = await storing(sql, of, batch)
    const late = Object.entries(row!.late ?? {}).map(([link, at]) => [Number(link), at] as const)
    const known = resets.size + inline.size
    // Each round leaves out clicks of another link, or of a link that was reset again.
    const news = late.filter(([link, at]) => at > (resets.get(link) ?? 0))
    for (const [link, at] of news) resets.set(link, at)
    if (row!.unknown) for (const value of await learn(sql, batch)) inline.add(value)
    else if (news.length === 0) return row!
    if (news.length > 0 || resets.size + inline.size > known) batch = batchOf(clicks, clampTime, { resets, inline })
  }
}

const storing = (sql: Sql | Transaction, of: Span, batch: ClickBatch) =>
  (sql as Sql).unsafe<Row[]>(storeStatement, parametersOf(of, batch), { prepare: batch.count <= PREPARED })

/** The parameters of `storeStatement`. */
export const parametersOf = (of: Span, { clicks, agents, referrers, totals, spent }: ClickBatch) => [
  ...[of.journal, of.before, of.after],
  ...[numbersText(clicks.link), numbersText(clicks.at), numbersText(clicks.referrer), numbersText(clicks.agent)],
  ...[textsText(clicks.address), textsText(clicks.details)],
  ...[textsText(agents.browser), textsText(agents.system), textsText(agents.device), numbersText(agents.bot)],
  textsText(referrers),
  ...[totals.link, totals.clicks, totals.bots, totals.first, totals.last].map(numbersText),
  ...[spent.link, spent.clicks].map(numbersText),
]

async function reject(database: Database, journalId: string, before: number, click: Click, reason: string): Promise<Stored> {
  const [row] = await database.run(
    (sql) => sql<{ fenced: number }[]>`
      with fence as (
        update journals set watermark = ${click.sequence}, updated_at = now()
        where journal_id = ${journalId} and watermark = ${before} returning journal_id),
      rejected as (
        insert into click_rejects (journal_id, sequence, reason, record)
        select journal_id, ${click.sequence}, ${reason.slice(0, 500)}, ${sql.json(printable(click))} from fence)
      select (select count(record_spent(journal_id, ${[click.linkId]}::bigint[], '{1}')) from fence where ${((click.marks ?? 0) & MARKS.spent) > 0}) as spent, count(*) as fenced from fence`,
  )
  if (row!.fenced === 0) throw new Fenced(`the watermark of journal ${journalId} is not ${before}`)
  return { stored: 0, leftOut: 0, rejected: 1 }
}

const printable = (click: Click) => JSON.parse(JSON.stringify(click).replaceAll('\\u0000', '?'))

/** Whether the record itself is refused; a missing partition for its id is not its fault. */
export const isBadData = (error: unknown) =>
  !(error instanceof DatabaseUnreachable) &&
  /^(2[23]|54)/.test(String((error as { code?: string }).code)) &&
  !isWithoutPartition(error)

const isWithoutPartition = (error: unknown) => {
  const { table_name, constraint_name } = error as { table_name?: string; constraint_name?: string }
  return hasState(error, 'check_violation') && table_name === 'clicks' && !constraint_name
}

/** Gives back the clicks of max_clicks that an ended process had leased and not spent. Call it when all clicks of its journal are stored. */
export const settleLeases = (database: Database, journalId: string) =>
  inPortions(leasesPortion, async (limit) => {
    const [row] = await database.run((sql) => sql<{ links: number }[]>`select settle_leases(${journalId}, ${limit}) as links`)
    return row!.links
  })

/**
 * Deletes leases that were spent or returned to the last click, of processes that ended a month ago and whose journal nobody adopts, because its disk
 * is gone. Sooner, one may only be cut off from the database.
 */
export const forgetLeases = (database: Database) =>
  inPortions(leasesPortion, async (limit) => {
    const { count } = await database.run(
      (sql) => sql`
        delete from leases where ctid = any(array(
          select l.ctid from leases l join journals j using (journal_id)
          where (l.void or l.granted = l.recorded) and j.updated_at < now() - interval '30 days'
            and not exists (select from replicas r where r.id = l.journal_id)
          limit ${limit} for update of l skip locked))`,
    )
    return count
  })
