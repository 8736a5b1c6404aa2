import { type Static, Type } from '@sinclair/typebox'
import type { Resource } from '../base/resource.ts'
import { Moment, Nullable } from '../base/schema.ts'
import { filled, OTHERS_IGNORED } from '../http/validation.ts'

export const blocklistResource = {
  tag: 'Operations',
  tables: { blocked_hosts: { content: true, sequence: 'blocked_hosts_id_seq' } },
} satisfies Resource

export const BlockedHost = Type.Object({
  id: Type.Integer(),
  host: Type.String({ examples: ['evil.example'] }),
  reason: Nullable(Type.String()),
  created_at: Moment,
})
export type BlockedHost = Static<typeof BlockedHost>

export const NewBlockedHost = Type.Object(
  {
    host: filled(300, 'Its subdomains are blocked too.'),
    reason: Type.Optional(Nullable(Type.String({ maxLength: 500 }))),
  },
  OTHERS_IGNORED,
)

export const Blocked = Type.Object({
  ...BlockedHost.properties,
  links: Nullable(Type.Integer(), {
    description:
      'Number of links that lead there and get 410 now, counted up to 10,000. Null if counting took more than a second.',
  }),
})
export type Blocked = Static<typeof Blocked>
