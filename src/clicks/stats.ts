// Statistics of a link, from its rollups: the same cost at 10 clicks and at 10 million.
import { type Static, Type } from '@sinclair/typebox'
import statement from '../../sql/link-stats.sql' with { type: 'text' }
import type { Database } from '../database/guard.ts'
import { invalid } from '../http/problem.ts'
import { OTHERS_IGNORED, Time } from '../http/validation.ts'
import type { Span } from './span.ts'

const Count = Type.Object({ value: Type.String(), clicks: Type.Integer(), bots: Type.Integer() })
const Bucket = Type.Object({ start: Time, clicks: Type.Integer(), bots: Type.Integer() })

export const StatsQuery = Type.Object(
  {
    tz: Type.Optional(Type.String({ description: 'Time zone of hours and days, an IANA name: Europe/Berlin.', default: 'UTC' })),
    from: Type.Optional(
      Type.String({
        description:
          'An ISO date or time, in `tz` unless it names an offset; at most 5 years before `to`. Default: 48 hours and 90 days.',
      }),
    ),
    to: Type.Optional(Type.String({ description: 'An ISO date, which is included, or a time. Default: now.' })),
  },
  OTHERS_IGNORED,
)

export const LinkStats = Type.Object({
  clicks: Type.Integer({ description: 'All clicks since the link was made, bots included.' }),
  bots: Type.Integer(),
  last_click: Type.Union([Time, Type.Null()]),
  id: Type.Integer(),
  short_code: Type.String(),
  by_hour: Type.Array(Bucket, { description: 'Every hour asked for, but only the last 31 days. `start` is UTC.' }),
  by_day: Type.Array(Bucket, { description: 'Every day asked for. `start` is the UTC time of local midnight.' }),
  referrers: Type.Array(Count, {
    description: 'Hosts: the ten with most clicks on the UTC days asked for, then all others together as `(other)`.',
  }),
  browsers: Type.Array(Count),
  systems: Type.Array(Count),
  devices: Type.Array(Count),
})
export type LinkStats = Static<typeof LinkStats>

type Row = Pick<LinkStats, 'clicks' | 'bots' | 'last_click' | 'by_hour' | 'by_day'> & {
  breakdowns: (Static<typeof Count> & { dimension: string })[]
}

/** The statistics of the link `id`; zeros where it was never clicked. */
export async function statsOf(
  database: Database,
  { id, short_code }: { id: number; short_code: string },
  span: Span,
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

/** A zone that we know and this PostgreSQL does not: its names may be older than ours. */
function refuseZone(error: unknown): never {
  if ((error as { code?: string }).code === '22023') throw invalid('tz', 'is not a time zone that the database knows')
  throw error
}
