import { type Static, Type } from '@sinclair/typebox'
import { filled, OTHERS_IGNORED, Time } from '../http/validation.ts'

export const BlockedHost = Type.Object({
  id: Type.Integer(),
  host: Type.String({ examples: ['evil.example'] }),
  reason: Type.Union([Type.String(), Type.Null()]),
  created_at: Time,
})
export type BlockedHost = Static<typeof BlockedHost>

export const NewBlockedHost = Type.Object(
  {
    host: filled(300, 'The names below it are blocked with it.'),
    reason: Type.Optional(Type.Union([Type.String({ maxLength: 500 }), Type.Null()])),
  },
  OTHERS_IGNORED,
)

export const Blocked = Type.Object({
  ...BlockedHost.properties,
  links: Type.Union([Type.Integer(), Type.Null()], {
    description: 'Links that lead there, and answer 410 now; counted up to 10,000. Null where counting took over a second.',
  }),
})
export type Blocked = Static<typeof Blocked>
