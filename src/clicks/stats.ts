// Statistics of a link, from its rollups: the cost is the same at 10 clicks and at 10 million.
import statement from '../../sql/link-stats.sql' with { type: 'text' }
import { invalid } from '../base/problem.ts'
import type { Database } from '../database/guard.ts'
import { hasState } from '../database/sql-state.ts'
import type { Count, LinkStats } from './schema.ts'
import type { StatsSpan } from './span.ts'

type Row = Pick<LinkStats, 'clicks' | 'bots' | 'last_click' | 'by_hour' | 'by_day'> & {
  breakdowns: (Count & { dimension: string })[]
}

/** The statistics of the link `id`; zeros if it was never clicked. */
export async function statsOf(
  database: Database,
  { id, short_code }: { id: number; short_code: string },
  span: StatsSpan,
): Promise<LinkStats> {
  const rows = await database
    .run((sql) => sql.unsafe<Row[]>(statement, [id, span.zone, span.from, span.to] as never[], { prepare: true }))
    .catch(refuseZone)
  const { breakdowns, clicks, bots, last_click, by_hour, by_day } = rows[0]!
  const of = (dimension: string) =>
    breakdowns.filter((row) => row.dimension === dimension).map(({ value, clicks, bots }) => ({ value, clicks, bots }))
  return {
    clicks,
    bots,
    last_click,
    id,
    short_code,
    by_hour,
    by_day,
    referrers: of('referrer'),
    browsers: of('browser'),
    systems: of('system'),
    devices: of('device'),
  }
}

/** For a zone that we know but this PostgreSQL does not: its time zone names may be older. */
function refuseZone(error: unknown): never {
  if (hasState(error, 'invalid_parameter_value')) throw invalid('tz', 'is not a time zone that the database knows')
  throw error
}
