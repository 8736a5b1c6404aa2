import { type Static, Type } from '@sinclair/typebox'
import { Moment, Nullable } from '../../base/schema.ts'
import { filled, OTHERS_IGNORED } from '../../http/validation.ts'

export const SignIn = Type.Object({ token: filled(1_024, 'The admin token or an API key.') }, OTHERS_IGNORED)

/** The caller's identity and scope. */
export const Caller = Type.Object({
  mode: Type.String({ description: 'token: credentials are required. open, off: everyone may do everything.' }),
  by: Type.String({ description: 'open, off, admin-token, key, session; nobody: sign in.' }),
  scope: Type.String({ description: 'admin, write, read, metrics or none.' }),
  key: Nullable(Type.Object({ id: Type.Integer(), name: Type.String() })),
  user_id: Nullable(Type.Integer({ description: 'The user that the key is bound to.' })),
  only_tag: Nullable(Type.String({ description: 'The tag that the key is bound to.' })),
  expires_at: Nullable(Moment),
})
export type Caller = Static<typeof Caller>

export const SignedIn = Type.Object({ ...Caller.properties, expires_at: Moment })
