// Statistics of a link, from its rollups: the same cost at 10 clicks and at 10 million.
import { type Static, Type } from '@sinclair/typebox'
import type { Database } from '../database/guard.ts'
import { Time } from '../http/validation.ts'

const Count = Type.Object({ value: Type.String(), clicks: Type.Integer(), bots: Type.Integer() })
const Bucket = Type.Object({ start: Time, clicks: Type.Integer(), bots: Type.Integer() })

export const LinkStats = Type.Object({
  clicks: Type.Integer({ description: 'All clicks, bots included.' }),
  bots: Type.Integer(),
  last_click: Type.Union([Time, Type.Null()]),
  id: Type.Integer(),
  short_code: Type.String(),
  by_hour: Type.Array(Bucket, { description: 'The last 48 hours that had clicks, UTC.' }),
  by_day: Type.Array(Bucket, { description: 'The last 90 days that had clicks, UTC.' }),
  referrers: Type.Array(Count, { description: 'Hosts, the ten with most clicks.' }),
  browsers: Type.Array(Count),
  systems: Type.Array(Count),
  devices: Type.Array(Count),
})
export type LinkStats = Static<typeof LinkStats>

type Totals = { clicks: number; bots: number; last_click: string | null }
type Bucket = Static<typeof Bucket>
type Value = Static<typeof Count> & { dimension: string }

const TOP = 10

/** The statistics of the link `id`; zeros where it was never clicked. */
export async function statsOf(database: Database, { id, short_code }: { id: number; short_code: string }): Promise<LinkStats> {
  return database.run(async (sql) => {
    const series = (unit: 'hour' | 'day', span: string) => sql<Bucket[]>`
      select date_trunc(${unit}, bucket, 'UTC') as start, sum(clicks)::bigint as clicks, sum(bots)::bigint as bots
      from click_series where url_id = ${id} and bucket > now() - ${span}::interval group by 1 order by 1`
    const [totals, by_hour, by_day, values] = await Promise.all([
      sql<Totals[]>`select clicks, bots, last_click from link_totals where url_id = ${id}`,
      series('hour', '48 hours'),
      series('day', '90 days'),
      sql<Value[]>`
        select dimension, value, clicks, bots from (
          select dimension, value, sum(clicks)::bigint as clicks, sum(bots)::bigint as bots,
            row_number() over (partition by dimension order by sum(clicks) desc, value) as place
          from click_breakdowns where url_id = ${id} and day > now() - interval '90 days' group by 1, 2) as ranked
        where place <= ${TOP} order by dimension, place`,
    ])
    const of = (dimension: string) =>
      values.filter((row) => row.dimension === dimension).map(({ value, clicks, bots }) => ({ value, clicks, bots }))
    return {
      ...(totals[0] ?? { clicks: 0, bots: 0, last_click: null }),
      id,
      short_code,
      by_hour: [...by_hour],
      by_day: [...by_day],
      referrers: of('referrer'),
      browsers: of('browser'),
      systems: of('system'),
      devices: of('device'),
    }
  })
}
