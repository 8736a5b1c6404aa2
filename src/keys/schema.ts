import { type Static, Type } from '@sinclair/typebox'
import { filled, Id, OTHERS_IGNORED, Time } from '../http/validation.ts'

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()])

const Scope = Type.Union([Type.Literal('admin'), Type.Literal('write'), Type.Literal('read'), Type.Literal('metrics')], {
  description: 'admin: everything. write: what read may, and changes. read: sees everything. metrics: the metrics only.',
})

/** A key as it can be shown: never the key itself. */
export const Key = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  prefix: Type.String({ description: 'How the key begins, to know it by.', examples: ['wp_Zb3kQ9xA'] }),
  scope: Scope,
  user_id: Nullable(Type.Integer({ description: 'The user that the key is bound to.' })),
  created_at: Time,
  expires_at: Nullable(Time),
  last_used_at: Nullable(Type.String({ description: 'ISO 8601, UTC; other replicas’ uses show within half a minute.' })),
  revoked_at: Nullable(Time),
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
    expires_at: Type.Optional(Nullable(Type.String({ maxLength: 64, description: 'ISO 8601, in the future. Unset: never.' }))),
  },
  OTHERS_IGNORED,
)
export type NewKey = Static<typeof NewKey>

export const MadeKey = Type.Object({
  ...Key.properties,
  key: Type.String({ description: 'The key. It is shown this once and kept nowhere.' }),
})
export type MadeKey = Static<typeof MadeKey>
