import { type Static, Type } from '@sinclair/typebox'

const Moment = Type.String({ description: 'ISO 8601, UTC.' })
const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()])

const Delivery = Type.Object({
  channel: Type.String({ description: 'email, discord, slack or webhook.' }),
  state: Type.Union([Type.Literal('pending'), Type.Literal('sent'), Type.Literal('failed')]),
  attempts: Type.Integer(),
  at: Nullable(Moment),
  reason: Nullable(Type.String({ description: 'Why the last attempt failed.' })),
})
export type Delivery = Static<typeof Delivery>

/** What people are told: that an alert began to fire somewhere in the fleet, or that it is over. */
export const Notice = Type.Object({
  id: Type.String(),
  by: Type.String({ description: 'The replica that decided to send it.' }),
  alert: Type.String(),
  test: Type.Boolean({ description: 'true: somebody tried out whom the alert reaches.' }),
  kind: Type.Union([Type.Literal('firing'), Type.Literal('recovered')]),
  at: Moment,
  since: Type.String({ description: 'Since when the alert fired.' }),
  value: Type.Number(),
  limit: Type.Number(),
  unit: Type.String(),
  help: Type.String(),
  replicas: Type.Array(Type.String(), { description: 'Where it fires: host and port.' }),
  deliveries: Type.Array(Delivery),
})
export type Notice = Static<typeof Notice>

const Firing = Type.Object({
  name: Type.String(),
  test: Type.Boolean(),
  since: Moment,
  value: Type.Number(),
  threshold: Type.Number(),
  unit: Type.String(),
  help: Type.String(),
})
export type Firing = Static<typeof Firing>

/** How one replica stands: what the sender of the fleet's notices asks of all. */
export const Standing = Type.Object({
  id: Type.String(),
  replica: Type.String({ description: 'Host and port.' }),
  channels: Type.Array(Type.String(), { description: 'How notices go from here; empty: they are not set up.' }),
  sender: Type.Boolean({ description: 'true: this replica sends for the fleet.' }),
  lease: Type.Boolean({ description: 'true: it does so because the database says so.' }),
  able: Type.Boolean({ description: 'false: its last notice could be delivered by no channel.' }),
  firing: Type.Array(Firing, { description: 'The alerts that fire on this replica.' }),
  notices: Type.Array(Notice, { description: 'The last ones of the fleet, newest first.' }),
})
export type Standing = Static<typeof Standing>
