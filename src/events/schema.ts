import { type Static, Type } from '@sinclair/typebox'
import { filled, Id, OTHERS_IGNORED, Time } from '../http/validation.ts'

const Details = Type.Object({}, { additionalProperties: true, description: 'Any JSON object.' })
const NullableId = Type.Union([Type.Integer(), Type.Null()])

export const Event = Type.Object({
  id: Type.Integer(),
  url_id: NullableId,
  user_id: NullableId,
  event_type: Type.String({ examples: ['created', 'updated', 'deleted', 'click'] }),
  timestamp: Time,
  details: Details,
})
export type Event = Static<typeof Event>

const ref = Type.Optional(Type.Union([Id, Type.Null()]))

export const NewEvent = Type.Object(
  {
    event_type: filled(64),
    url_id: ref,
    user_id: ref,
    details: Type.Optional(Details),
  },
  OTHERS_IGNORED,
)
export type NewEvent = Static<typeof NewEvent>
