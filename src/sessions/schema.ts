import { type Static, Type } from '@sinclair/typebox'
import { filled, OTHERS_IGNORED, Time } from '../http/validation.ts'

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()])

export const SignIn = Type.Object({ token: filled(1_024, 'The admin token or an API key.') }, OTHERS_IGNORED)

/** Who somebody is to the server. */
export const Caller = Type.Object({
  mode: Type.String({ description: 'token: credentials are asked for. open, off: everybody may do everything.' }),
  by: Type.String({ description: 'open, off, admin-token, key, session; nobody: sign in.' }),
  scope: Type.String({ description: 'admin, write, read, metrics or none.' }),
  key: Nullable(Type.Object({ id: Type.Integer(), name: Type.String() })),
  user_id: Nullable(Type.Integer({ description: 'The user that the key is bound to.' })),
})
export type Caller = Static<typeof Caller>

export const SignedIn = Type.Object({ ...Caller.properties, expires_at: Time })
