import { type Static, Type } from '@sinclair/typebox'
import type { Resource } from '../base/resource.ts'
import { Moment, Nullable } from '../base/schema.ts'
import { filled, Id, OTHERS_IGNORED } from '../http/validation.ts'

export const eventResource = {
  tag: 'Events',
  path: '/events',
  tables: { events: { content: true, sequence: 'event_ids' } },
} satisfies Resource

const Details = Type.Object({}, { additionalProperties: true, description: 'Any JSON object.' })
const NullableId = Nullable(Type.Integer())

export const Event = Type.Object({
  id: Type.Integer(),
  url_id: NullableId,
  user_id: NullableId,
  event_type: Type.String({ examples: ['created', 'updated', 'deleted', 'click'] }),
  timestamp: Moment,
  details: Details,
})
export type Event = Static<typeof Event>

const ref = Type.Optional(Nullable(Id))

export const NewEvent = Type.Object(
  {
    event_type: filled(64),
    url_id: ref,
    user_id: ref,
    timestamp: Type.Optional(
      Nullable(Type.String(), {
        description: 'When it happened, in ISO 8601 (UTC if it has no zone), between 1970 and now. Default: now.',
      }),
    ),
    details: Type.Optional(Details),
  },
  OTHERS_IGNORED,
)
export type NewEvent = Static<typeof NewEvent>
