// Schemas of /chaos and /api/chaos: armed faults, their history and evidence.
import { type Static, Type } from '@sinclair/typebox'
import { Moment, Nullable } from '../base/schema.ts'

export const FAULTS = ['kill', 'latency', 'errors', 'database', 'cache', 'freeze-drain', 'cpu', 'memory'] as const
export type Fault = (typeof FAULTS)[number]

/** Counters over a period of `seconds`. */
const Stretch = Type.Object({
  seconds: Type.Number(),
  requests: Type.Integer(),
  errors: Type.Integer({ description: 'Responses with status 500 or above.' }),
  mean_ms: Type.Number({ description: 'Mean duration of a request.' }),
  clicks: Type.Integer({ description: 'Redirects whose click was recorded.' }),
  stored: Type.Integer({ description: 'Clicks stored in the database.' }),
  dropped: Type.Integer({ description: 'Clicks lost.' }),
})
export type Stretch = Static<typeof Stretch>

const about = {
  fault: Type.String(),
  share: Type.Number({ description: 'Share of the fault’s subjects that it hits, above 0 and at most 1.' }),
  latency_ms: Type.Number(),
  by: Type.String({ description: 'Id of the request that armed it.' }),
  replica: Type.Optional(Type.String({ description: 'Host and port of the replica, if `replica` was given.' })),
  replica_id: Type.Optional(Type.String()),
}

const Armed = Type.Object({ ...about, until: Moment })
export type Armed = Static<typeof Armed>

const PastFault = Type.Object({
  ...about,
  from: Moment,
  to: Nullable(Moment, { description: 'Null while it is armed.' }),
  evidence: Type.Object(
    { before: Stretch, while: Stretch, after: Nullable(Stretch) },
    { description: 'Counters of the replica in the minute before, while it was armed, and in the minute after.' },
  ),
})
export type PastFault = Static<typeof PastFault>

/** Armed faults and history of one replica. */
export const OwnChaos = Type.Object({
  enabled: Type.Boolean({ description: 'Whether CHAOS_TOKEN is set.' }),
  armed: Type.Array(Armed),
  history: Type.Array(PastFault, { description: 'Newest first, at most 100, since the start.' }),
})
export type OwnChaos = Static<typeof OwnChaos>

const AskedReplica = Type.Object({
  id: Type.String(),
  replica: Type.String({ description: 'Host and port.' }),
  self: Type.Boolean({ description: 'True for the replica that answers.' }),
  enabled: Nullable(Type.Boolean(), { description: 'Null: it did not answer.' }),
  unanswered: Nullable(Type.String(), { description: 'Why it did not answer.' }),
})
export type AskedReplica = Static<typeof AskedReplica>

/** With `replica`, also the replicas queried: whether faults can be armed there, or why they did not answer. */
export const ChaosState = Type.Object({
  ...OwnChaos.properties,
  asked: Type.Optional(Type.Integer()),
  answered: Type.Optional(Type.Integer()),
  replicas: Type.Optional(Type.Array(AskedReplica)),
})
export type ChaosState = Static<typeof ChaosState>

/** The faults armed or ended on one replica. */
const Done = Type.Object({
  id: Type.String(),
  replica: Type.String({ description: 'Host and port.' }),
  faults: Type.Array(Type.String(), { description: 'Faults armed or ended there.' }),
  reason: Nullable(Type.String(), { description: 'Why it failed. A replica that did not answer may still have done it.' }),
})
export type Done = Static<typeof Done>

/** The result of arming or ending faults, if `replica` was given. */
export const FaultsDone = Type.Object({
  asked: Type.Integer(),
  answered: Type.Integer({ description: 'Replicas that did it.' }),
  replicas: Type.Array(Done),
})
export type FaultsDone = Static<typeof FaultsDone>
