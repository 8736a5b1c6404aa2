import { type Static, Type } from '@sinclair/typebox'
import { Moment, Nullable } from '../../base/schema.ts'

const Delivery = Type.Object({
  channel: Type.String({ description: 'email, discord, slack, webhook …' }),
  state: Type.Union([Type.Literal('pending'), Type.Literal('sent'), Type.Literal('failed')]),
  attempts: Type.Integer(),
  at: Nullable(Moment),
  reason: Nullable(Type.String({ description: 'Why the last attempt failed.' })),
})
export type Delivery = Static<typeof Delivery>

/** A notification: an alert started to fire somewhere in the fleet, or it is over. */
export const Notification = Type.Object({
  id: Type.String(),
  by: Type.String({ description: 'The replica that decided to send it.' }),
  alert: Type.String(),
  test: Type.Boolean({ description: 'True for a test.' }),
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
export type Notification = Static<typeof Notification>

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

/** The state of one replica, as the sender of the fleet's notifications queries it. */
export const Standing = Type.Object({
  id: Type.String(),
  replica: Type.String({ description: 'Host and port.' }),
  channels: Type.Array(Type.String(), { description: 'The configured channels; empty if there are none.' }),
  sender: Type.Boolean({ description: 'True if this replica sends for the fleet.' }),
  lease: Type.Boolean({ description: 'True if it holds the sender’s lease in the database.' }),
  able: Type.Boolean({ description: 'False if no channel could deliver its last notification.' }),
  firing: Type.Array(Firing, { description: 'The alerts that fire on this replica.' }),
  notices: Type.Array(Notification, { description: 'The last notifications of the fleet, newest first.' }),
})
export type Standing = Static<typeof Standing>
