import { type Static, Type } from '@sinclair/typebox'
import type { Resource } from '../../base/resource.ts'
import { Moment, Nullable } from '../../base/schema.ts'
import { SCOPES, type Scope as ScopeName } from '../../base/scope.ts'
import { filled, Id, OTHERS_IGNORED } from '../../http/validation.ts'

export const keyResource = {
  tag: 'Access',
  tables: { api_keys: { content: true, sequence: 'api_keys_id_seq' } },
} satisfies Resource

const Scope = Type.Unsafe<ScopeName>(
  Type.Union(
    SCOPES.map((scope) => Type.Literal(scope)),
    { description: 'admin: everything. write: reading, and changes. read: sees everything. metrics: the metrics only.' },
  ),
)

/** A key as it may be shown: never the key itself. */
export const Key = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  prefix: Type.String({ description: 'The start of the key, to recognise it.', examples: ['wp_Zb3kQ9xA'] }),
  scope: Scope,
  user_id: Nullable(Type.Integer({ description: 'The user that the key is bound to.' })),
  only_tag: Nullable(Type.String({ description: 'The tag that the key is bound to.' })),
  created_at: Moment,
  expires_at: Nullable(Moment),
  last_used_at: Nullable(Type.String({ description: 'ISO 8601, UTC; other replicas’ uses show within half a minute.' })),
  revoked_at: Nullable(Moment),
})
export type Key = Static<typeof Key>

export const NewKey = Type.Object(
  {
    name: filled(100, 'What the key is for.'),
    scope: Scope,
    user_id: Type.Optional(
      Nullable(
        Type.Integer({ minimum: Id.minimum, description: 'Binds the key: it sees and changes only what is this user’s.' }),
      ),
    ),
    only_tag: Type.Optional(
      Nullable(
        Type.String({
          maxLength: 100,
          description:
            'Binds the key to a tag: the key sees and changes only links with the tag, and links that it creates get the tag. With user_id, both must match.',
        }),
      ),
    ),
    expires_at: Type.Optional(Nullable(Type.String({ maxLength: 64, description: 'ISO 8601, in the future. Unset: never.' }))),
  },
  OTHERS_IGNORED,
)
export type NewKey = Static<typeof NewKey>

export const MadeKey = Type.Object({
  ...Key.properties,
  key: Type.String({ description: 'The key. It is shown only once and not stored.' }),
})
export type MadeKey = Static<typeof MadeKey>
