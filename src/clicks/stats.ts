// Statistics of a link, from its rollups: the cost is the same at 10 clicks and at 10 million.
import ofLink from '../../sql/link-stats.sql' with { type: 'text' }
import type { Database } from '../database/guard.ts'
import { type Buckets, bucketsOf } from './buckets.ts'
import type { Count, LinkStats, Stats } from './schema.ts'
import type { StatsSpan } from './span.ts'

type Totals = Pick<LinkStats, 'clicks' | 'bots' | 'last_click'>
/** Of the buckets that have clicks: place from 1, clicks, bots. */
export type Counts = [place: number, clicks: number, bots: number][]
/** What a statement of statistics returns. */
export type Counted = Totals & { by_hour: Counts | null; by_day: Counts | null; breakdowns: (Count & { dimension: string })[] }

/** The statistics of the link `id`; zeros if it was never clicked. */
export async function statsOf(
  database: Database,
  { id, short_code }: { id: number; short_code: string },
  span: StatsSpan,
): Promise<LinkStats> {
  const buckets = bucketsOf(span)
  const { clicks, bots, last_click, ...rest } = statsFrom(await count(database, ofLink, id, buckets, true), buckets)
  return { clicks, bots, last_click, id, short_code, ...rest }
}

/** Runs a statement of statistics; `which` is its first parameter. */
export async function count(
  database: Database,
  statement: string,
  which: number | number[],
  { hours, days, dates }: Buckets,
  prepare: boolean,
): Promise<Counted> {
  const [row] = await database.run((sql) =>
    sql.unsafe<Counted[]>(statement, [which, hours, days, ...dates] as never[], { prepare }),
  )
  return row!
}

/** The counts as the API shows them. */
export function statsFrom({ clicks, bots, last_click, by_hour, by_day, breakdowns }: Counted, { hours, days }: Buckets): Stats {
  const of = (dimension: string) =>
    breakdowns.filter((row) => row.dimension === dimension).map(({ value, clicks, bots }) => ({ value, clicks, bots }))
  return {
    clicks,
    bots,
    last_click,
    by_hour: filled(hours, by_hour),
    by_day: filled(days, by_day),
    referrers: of('referrer'),
    browsers: of('browser'),
    systems: of('system'),
    devices: of('device'),
  }
}

/** Every bucket, with or without clicks. */
function filled(starts: number[], counts: Counts | null): Stats['by_day'] {
  const buckets = starts.slice(0, -1).map((start) => ({ start: momentOf(start), clicks: 0, bots: 0 }))
  for (const [place, clicks, bots] of counts ?? []) {
    const bucket = buckets[place - 1] // places outside the span have none
    if (bucket) Object.assign(bucket, { clicks, bots })
  }
  return buckets
}

const momentOf = (seconds: number) => `${new Date(seconds * 1_000).toISOString().slice(0, 19)}Z`
