import { type Static, Type } from '@sinclair/typebox'
import { Moment, Nullable } from '../base/schema.ts'
import { OTHERS_IGNORED } from '../http/validation.ts'

export const Count = Type.Object({ value: Type.String(), clicks: Type.Integer(), bots: Type.Integer() })
export type Count = Static<typeof Count>

const Bucket = Type.Object({ start: Moment, clicks: Type.Integer(), bots: Type.Integer() })

export const zoneParameter = Type.Optional(
  Type.String({ description: 'Time zone of hours and days, an IANA name: Europe/Berlin.', default: 'UTC' }),
)

export const StatsQuery = Type.Object(
  {
    tz: zoneParameter,
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

const totals = {
  clicks: Type.Integer({ description: 'All clicks since the link was created, bots included.' }),
  bots: Type.Integer(),
  last_click: Nullable(Moment),
}

const details = {
  by_hour: Type.Array(Bucket, { description: 'Every hour of the span, but only the last 31 days. `start` is UTC.' }),
  by_day: Type.Array(Bucket, { description: 'Every day of the span. `start` is the UTC time of local midnight.' }),
  referrers: Type.Array(Count, {
    description: 'Hosts: the ten with most clicks on the UTC days of the span, then all others together as `(other)`.',
  }),
  browsers: Type.Array(Count),
  systems: Type.Array(Count),
  devices: Type.Array(Count),
}

/** Statistics of one link or of many. */
export const Stats = Type.Object({ ...totals, ...details })
export type Stats = Static<typeof Stats>

export const LinkStats = Type.Object({ ...totals, id: Type.Integer(), short_code: Type.String(), ...details })
export type LinkStats = Static<typeof LinkStats>

export const Trend = Type.Object({
  id: Type.Integer(),
  clicks: Type.Array(Type.Integer(), { description: 'Of each day in `tz`, bots included; the last one is today.' }),
})
export type Trend = Static<typeof Trend>
