// Statistics of a link, from its rollups: the cost is the same at 10 clicks and at 10 million.
import ofLink from '../../sql/link-stats.sql' with { type: 'text' }
import spanned from '../../sql/stats-span.sql' with { type: 'text' }
import { invalid } from '../base/problem.ts'
import type { Database } from '../database/guard.ts'
import { hasState } from '../database/sql-state.ts'
import type { Count, LinkStats, Stats } from './schema.ts'
import type { StatsSpan } from './span.ts'

/** The counts of a statement of statistics, before they are sorted by dimension. */
export type Counted = Pick<LinkStats, 'clicks' | 'bots' | 'last_click' | 'by_hour' | 'by_day'> & {
  breakdowns: (Count & { dimension: string })[]
}

const STATEMENT = spanned + ofLink

/** The statistics of the link `id`; zeros if it was never clicked. */
export async function statsOf(
  database: Database,
  { id, short_code }: { id: number; short_code: string },
  span: StatsSpan,
): Promise<LinkStats> {
  const { clicks, bots, last_click, ...rest } = statsFrom(await count(database, STATEMENT, id, span, true))
  return { clicks, bots, last_click, id, short_code, ...rest }
}

/** Runs a statement of statistics; `which` is its first parameter. */
export async function count(
  database: Database,
  statement: string,
  which: number | number[],
  { zone, from, to }: StatsSpan,
  prepare: boolean,
): Promise<Counted> {
  const [row] = await database
    .run((sql) => sql.unsafe<Counted[]>(statement, [which, zone, from, to], { prepare }))
    .catch(refuseZone)
  return row!
}

/** The counts as the API shows them. */
export function statsFrom({ breakdowns, ...counted }: Counted): Stats {
  const of = (dimension: string) =>
    breakdowns.filter((row) => row.dimension === dimension).map(({ value, clicks, bots }) => ({ value, clicks, bots }))
  const { clicks, bots, last_click, by_hour, by_day } = counted
  return {
    clicks,
    bots,
    last_click,
    by_hour,
    by_day,
    referrers: of('referrer'),
    browsers: of('browser'),
    systems: of('system'),
    devices: of('device'),
  }
}

/** For a zone that we know but this PostgreSQL does not: its time zone names may be older. */
export function refuseZone(error: unknown): never {
  if (hasState(error, 'invalid_parameter_value')) throw invalid('tz', 'is not a time zone that the database knows')
  throw error
}
