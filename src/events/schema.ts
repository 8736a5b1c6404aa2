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

const RECORDED = `In an event that the server writes for a caller, \`by\` says how the caller was admitted (open, off, admin-token, key, session, chaos-token, command line; server: there was no caller), and \`key_id\` and \`key_name\` its API key. \`updated\` has \`field\`, \`old_value\` and \`new_value\`; for a secret only \`field\`. Events of older releases may lack these.`

export const Event = Type.Object({
  id: Type.Integer(),
  url_id: NullableId,
  user_id: NullableId,
  event_type: Type.String({ examples: ['created', 'updated', 'deleted', 'click'] }),
  timestamp: Moment,
  details: Type.Object({}, { additionalProperties: true, description: RECORDED }),
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
