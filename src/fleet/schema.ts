import { type Static, Type } from '@sinclair/typebox'

const Moment = Type.String({ description: 'ISO 8601, UTC.' })

/** What a replica says of itself. */
export const Replica = Type.Object({
  id: Type.String({ description: 'Another one after each start.' }),
  slot: Type.Integer({ description: 'Its folder below DATA_DIR/replicas.' }),
  hostname: Type.String(),
  url: Type.Union([Type.String(), Type.Null()], { description: 'Where the others reach it.' }),
  version: Type.String(),
  started_at: Moment,
  seen_at: Moment,
  state: Type.String({ description: 'ready, degraded, starting, draining; lost: it gave no sign of life for 3 seconds.' }),
  rate: Type.Number({ description: 'Requests a second.' }),
  self: Type.Optional(Type.Boolean({ description: 'true for the replica that answers.' })),
})
export type Replica = Static<typeof Replica>

export const Fleet = Type.Object({
  replicas: Type.Array(Replica, { description: 'The one that answers first; those that were seen within a day.' }),
})

/** How many replicas were asked, and how many of them have part in an answer. */
export const asked = {
  asked: Type.Integer({ description: 'Replicas that were asked, the one that answers among them.' }),
  answered: Type.Integer({ description: 'Those that answered in time.' }),
}
