import { type Static, Type } from '@sinclair/typebox'
import { Moment, Nullable } from '../base/schema.ts'

/** A replica, as it describes itself. */
export const Replica = Type.Object({
  id: Type.String({ description: 'A new one after each start.' }),
  slot: Type.Integer({ description: 'Its folder below DATA_DIR/replicas.' }),
  hostname: Type.String({ maxLength: 255 }),
  url: Nullable(Type.String(), { description: 'The URL at which the others reach it.' }),
  version: Type.String({ maxLength: 64 }),
  started_at: Moment,
  seen_at: Moment,
  state: Type.String({
    maxLength: 32,
    description: 'ready, degraded, starting, draining; lost: no sign of life for 3 seconds.',
  }),
  rate: Type.Number({ description: 'Requests per second.' }),
  self: Type.Optional(Type.Boolean({ description: 'true for the replica that answers.' })),
})
export type Replica = Static<typeof Replica>

export const Fleet = Type.Object({
  replicas: Type.Array(Replica, { description: 'The one that answers comes first; with those seen within a day.' }),
})
export type Fleet = Static<typeof Fleet>

/** Prometheus’ format of targets that it finds over HTTP. */
export const Targets = Type.Array(
  Type.Object({ targets: Type.Array(Type.String()), labels: Type.Object({ __scheme__: Type.String(), slot: Type.String() }) }),
)

/** How many replicas were queried, and how many answered. */
export const asked = {
  asked: Type.Integer({ description: 'Replicas that were queried, including the one that answers.' }),
  answered: Type.Integer({ description: 'Those that answered in time.' }),
}
