// What the overview answers, as TypeBox: the OpenAPI document's schemas, and what an answer of another replica is checked against.
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { asked, Replica } from '../fleet/schema.ts'

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Moment = Type.String({ description: 'ISO 8601, UTC.' })

export const Now = Type.Object({
  database: Type.Object({
    state: Type.Union([Type.Literal('up'), Type.Literal('away')]),
    since: Moment,
    latency_ms: Nullable(Type.Number({ description: 'Mean of the last answers.' })),
  }),
  clicks: Type.Object({
    backlog: Type.Number({ description: 'Recorded and not stored yet.' }),
    oldest_age_s: Type.Number(),
    last_flush: Moment,
    stored: Type.Number(),
    dropped: Type.Number(),
    rejected: Type.Number(),
    no_room: Nullable(Type.String({ description: 'Why the journal has no room.' })),
  }),
  memory: Type.Object({
    rss: Type.Number(),
    used: Type.Optional(Type.Number({ description: 'Of the limit: what the container takes, where it has one.' })),
    limit: Type.Number({ description: 'Of the container, else of the machine; bytes.' }),
  }),
  uptime: Type.Number({ description: 'Seconds.' }),
  phase: Type.String({ description: 'starting, ready, draining or stopped.' }),
  mode: Type.String({
    description:
      'serve: caches are in step. ask: they lag, the database is asked. refuse: older than STALE_LIMIT. hide: by /chaos.',
  }),
  faults: Type.Array(Type.Object({ fault: Type.String(), until: Moment })),
  alerts: Type.Array(Type.Object({ name: Type.String(), since: Moment })),
  troubles: Type.Array(Type.String({ description: 'One sentence why something is wrong.' })),
})
export type Now = Static<typeof Now>

/** Samples of one replica as they are, for another replica to join. */
export const Samples = Type.Object({
  replica: Replica,
  now: Now,
  step: Type.Integer({ minimum: 1 }),
  columns: Type.Array(Type.String(), { maxItems: 200 }),
  rows: Type.Array(Type.Array(Type.Number({ minimum: 0 })), {
    maxItems: 2_000,
    description: 'Of each sample when it begins, in seconds since 1970, and then its columns: counts, and readings.',
  }),
})
export type Samples = Static<typeof Samples>

const Figures = Type.Array(Type.Number())
const Milliseconds = Type.Array(Nullable(Type.Number()))

export const ChartOf = Type.Object(
  {
    time: Type.Array(Type.Integer({ description: 'Seconds since 1970: when the sample begins.' })),
    requests: Type.Object({ '2xx': Figures, '3xx': Figures, '4xx': Figures, '5xx': Figures }, { description: 'A second.' }),
    redirects: Type.Array(Type.Number({ description: 'A second.' })),
    p50: Milliseconds,
    p99: Milliseconds,
    api: Type.Object({ p50: Milliseconds, p99: Milliseconds }, { description: 'Everything but redirects.' }),
    tiers: Type.Object(
      { hit: Figures, edge: Figures, miss: Figures },
      { description: 'Redirects a second, by who knew the link.' },
    ),
    backlog: Figures,
    loop_lag: Type.Array(Type.Number({ description: 'ms, the longest within the sample.' })),
    rss: Figures,
    cpu: Type.Array(Type.Number({ description: 'Cores.' })),
  },
  { description: 'Columns of equal length; null where nothing was there to measure.' },
)

/** A replica of the fleet; `now` where it was asked and answered. */
const Seen = Type.Object({
  ...Replica.properties,
  now: Type.Optional(Now),
  unanswered: Type.Optional(Type.String({ description: 'Why it was asked in vain.' })),
})

const whole = {
  replica: Replica,
  ...asked,
  now: Now,
  replicas: Type.Array(Seen),
  troubles: Type.Array(Type.String(), { description: 'What is wrong with the replicas asked, each in a sentence.' }),
}

export const Overview = Type.Object({
  ...whole,
  step: Type.Integer({ description: 'Seconds from one sample to the next.' }),
  samples: ChartOf,
})
export type Overview = Static<typeof Overview>

const Milli = Nullable(Type.Number())

/** What the stream says each second. */
export const OverviewEvent = Type.Object({
  ...whole,
  sample: Nullable(
    Type.Object(
      {
        time: Type.Integer(),
        requests: Type.Object({ '2xx': Type.Number(), '3xx': Type.Number(), '4xx': Type.Number(), '5xx': Type.Number() }),
        redirects: Type.Number(),
        p50: Milli,
        p99: Milli,
        api: Type.Object({ p50: Milli, p99: Milli }),
        tiers: Type.Object({ hit: Type.Number(), edge: Type.Number(), miss: Type.Number() }),
        backlog: Type.Number(),
        loop_lag: Type.Number(),
        rss: Type.Number(),
        cpu: Type.Number(),
      },
      { description: 'One column of the samples of GET /api/overview.' },
    ),
  ),
})
export type OverviewEvent = Static<typeof OverviewEvent>
