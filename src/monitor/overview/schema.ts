// Schemas of the overview, for the OpenAPI document and to validate answers of other replicas.
import { type Static, Type } from '@sinclair/typebox'
import { Moment, Nullable } from '../../base/schema.ts'
import { asked, Replica } from '../../fleet/schema.ts'
import { CODES } from './sentences.ts'

const Problem = Type.Object({
  code: Type.Optional(
    Type.String({ description: `${Object.keys(CODES).join(', ')}. Missing if the replica runs an older release.` }),
  ),
  params: Type.Optional(
    Type.Record(Type.String(), Type.Union([Type.Number(), Type.String(), Type.Array(Type.String())]), {
      description: 'Parameters of the sentence: numbers, ISO 8601 times and names. Those of a code never change.',
    }),
  ),
  tone: Type.Optional(
    Type.Union([Type.Literal('bad'), Type.Literal('warn')], { description: 'warn: it is over, or only figures are incomplete.' }),
  ),
  cause: Type.String({ description: 'The cause: database, memory, …; there is one line per cause.' }),
  text: Type.String({ description: 'A sentence for people; programs read `code`.' }),
  state: Type.Optional(Type.String({ description: 'State of the database: unreachable, slow, or over.' })),
  since: Type.Optional(Moment),
  until: Type.Optional(Moment),
  reason: Type.Optional(Type.String({ description: 'The reason as a text, if known.' })),
})
export type Problem = Static<typeof Problem>

export const Now = Type.Object({
  database: Type.Object({
    state: Type.Union([Type.Literal('up'), Type.Literal('away')]),
    since: Moment,
    latency_ms: Nullable(Type.Number({ description: 'Mean of the last answers.' })),
    condition: Type.Optional(
      Type.Union([Type.Literal('up'), Type.Literal('slow'), Type.Literal('unreachable')], {
        description: 'Like `state`, but without flapping: up again only after 10 s of answers.',
      }),
    ),
    condition_since: Type.Optional(Moment),
  }),
  clicks: Type.Object({
    backlog: Type.Number({ description: 'Recorded but not stored yet.' }),
    oldest_age_s: Type.Number(),
    last_flush: Moment,
    stored: Type.Number({ description: 'Stored since the start of the replica.' }),
    total: Type.Optional(Nullable(Type.Number({ description: 'Clicks in the database, of all replicas, as last counted.' }))),
    dropped: Type.Number(),
    rejected: Type.Number(),
    no_room: Nullable(Type.String({ description: 'Why the journal has no room.' })),
  }),
  memory: Type.Object({
    rss: Type.Number(),
    used: Type.Optional(Type.Number({ description: 'Used part of the limit: that of the container, if there is one.' })),
    limit: Type.Number({ description: 'Limit of the container, or else of the machine, in bytes.' }),
  }),
  uptime: Type.Number({ description: 'Seconds.' }),
  phase: Type.String({ description: 'starting, ready, draining or stopped.' }),
  mode: Type.String({
    description:
      'serve: caches are up to date. ask: they lag, so the database is queried. refuse: older than STALE_LIMIT. hide: by /chaos.',
  }),
  faults: Type.Array(Type.Object({ fault: Type.String(), until: Moment })),
  alerts: Type.Array(
    Type.Object({
      name: Type.String(),
      since: Moment,
      test: Type.Optional(Type.Boolean({ description: 'True: it only fires because of a test.' })),
      until: Type.Optional(Nullable(Type.String({ description: 'When a test ends.' }))),
      cause: Type.Optional(Type.String({ description: 'Alerts and problems with the same cause belong together.' })),
    }),
  ),
  troubles: Type.Array(Type.String({ description: 'A problem in one sentence.' })),
  problems: Type.Optional(
    Type.Array(Problem, { description: 'The same problems with code and cause. A flapping one is listed throughout.' }),
  ),
})
export type Now = Static<typeof Now>

/** Raw samples of one replica, for another replica to join. */
export const Samples = Type.Object({
  replica: Replica,
  place: Type.Optional(Type.String({ description: 'Its slot, which survives restarts.' })),
  now: Now,
  step: Type.Integer({ minimum: 1 }),
  columns: Type.Array(Type.String(), { maxItems: 200 }),
  rows: Type.Array(Type.Array(Type.Number({ minimum: 0 })), {
    maxItems: 2_000,
    description: 'Each sample: its first second (since 1970), then the values of its columns.',
  }),
})
export type Samples = Static<typeof Samples>

const Figures = Type.Array(Type.Number())
const Milliseconds = Type.Array(Nullable(Type.Number()))

const ChartOf = Type.Object(
  {
    time: Type.Array(Type.Integer({ description: 'Seconds since 1970: start of the sample.' })),
    requests: Type.Object({ '2xx': Figures, '3xx': Figures, '4xx': Figures, '5xx': Figures }, { description: 'Per second.' }),
    redirects: Type.Array(Type.Number({ description: 'Per second.' })),
    p50: Milliseconds,
    p99: Milliseconds,
    api: Type.Object({ p50: Milliseconds, p99: Milliseconds }, { description: 'Everything except redirects.' }),
    tiers: Type.Object(
      { hit: Figures, edge: Figures, miss: Figures },
      { description: 'Redirects per second, by the tier that knew the link.' },
    ),
    backlog: Figures,
    loop_lag: Type.Array(Type.Number({ description: 'ms; the longest within the sample.' })),
    rss: Figures,
    cpu: Type.Array(Type.Number({ description: 'Cores.' })),
    reporting: Type.Array(Type.Integer({ description: 'The same number whenever the same replicas reported.' })),
  },
  { description: 'Columns of equal length; null if there was nothing to measure.' },
)

/** A replica of the fleet; `now` is set if it was queried and answered. */
const Seen = Type.Object({
  ...Replica.properties,
  now: Type.Optional(Now),
  unanswered: Type.Optional(Type.String({ description: 'Why it did not answer.' })),
})

const whole = {
  replica: Replica,
  ...asked,
  now: Now,
  replicas: Type.Array(Seen),
  troubles: Type.Array(Type.String(), {
    description: 'Problems of the replicas queried, one sentence per cause.',
  }),
  problems: Type.Array(Type.Object({ ...Problem.properties, replicas: Type.Array(Type.String()) }), {
    description: 'The same with causes and the ids of the replicas; without replicas that did not answer.',
  }),
}

export const Overview = Type.Object({
  ...whole,
  step: Type.Integer({ description: 'Seconds per sample.' }),
  samples: ChartOf,
})
export type Overview = Static<typeof Overview>

const Milli = Nullable(Type.Number())

/** An event of the stream, sent every second. */
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
        reporting: Type.Integer(),
      },
      { description: 'One column of the samples in GET /api/overview.' },
    ),
  ),
})
export type OverviewEvent = Static<typeof OverviewEvent>
