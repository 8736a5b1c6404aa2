import { type Static, Type } from '@sinclair/typebox'
import { Moment, Nullable } from '../../base/schema.ts'

const stateFields = {
  state: Type.Union([Type.Literal('ok'), Type.Literal('firing')]),
  since: Moment,
  value: Type.Number(),
  test: Type.Boolean({ description: 'True: it only fires because of a test.' }),
  until: Nullable(Type.String({ description: 'When a test ends.' })),
  good_since: Nullable(
    Type.String({ description: 'Since when the value has been good. A firing alert ends after 30 s of good values.' }),
  ),
}
/** The state of an alert. */
export const Alert = Type.Object({
  name: Type.String(),
  ...stateFields,
  threshold: Type.Number({ description: 'The alert fires while the value is above this.' }),
  unit: Type.String(),
  help: Type.String(),
  replicas: Type.Optional(
    Type.Array(Type.Object({ id: Type.String(), replica: Type.String(), ...stateFields }), {
      description: 'Its state on each replica, if `replica` was given.',
    }),
  ),
})
export type Alert = Static<typeof Alert>

/** One time that an alert fired. */
export const Fired = Type.Object({
  name: Type.String(),
  from: Moment,
  to: Nullable(Type.String({ description: 'Null while it still fires.' })),
  peak: Type.Number(),
  test: Type.Boolean(),
  replica: Type.Optional(Type.String({ description: 'Host and port of the replica, if `replica` was given.' })),
})
export type Fired = Static<typeof Fired>

export const AlertStates = Type.Object({
  alerts: Type.Array(Alert),
  history: Type.Array(Fired, { description: 'Newest first, at most 200.' }),
  asked: Type.Optional(Type.Integer({ description: 'Replicas queried, if `replica` was given.' })),
  answered: Type.Optional(Type.Integer({ description: 'Replicas that answered in time.' })),
  place: Type.Optional(Type.String({ description: 'For other replicas: the slot, which survives restarts.' })),
  silent: Type.Optional(
    Type.Array(Type.Object({ id: Type.String(), replica: Type.String(), reason: Type.String() }), {
      description: 'Replicas that did not answer, and why.',
    }),
  ),
})
export type AlertStates = Static<typeof AlertStates>
