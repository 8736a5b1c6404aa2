import { type Static, Type } from '@sinclair/typebox'
import type { Resource } from '../base/resource.ts'
import { Moment } from '../base/schema.ts'
import { filled, OTHERS_IGNORED } from '../http/validation.ts'

export const userResource = {
  tag: 'Users',
  path: '/users',
  tables: { users: { content: true, sequence: 'users_id_seq' } },
} satisfies Resource

export const User = Type.Object({ id: Type.Integer(), username: Type.String(), email: Type.String(), created_at: Moment })
export type User = Static<typeof User>

const username = filled(64)
const email = Type.String({ format: 'address', maxLength: 254 })

export const NewUser = Type.Object({ username, email }, OTHERS_IGNORED)
export type NewUser = Static<typeof NewUser>

export const UserChange = Type.Object({ username: Type.Optional(username), email: Type.Optional(email) }, OTHERS_IGNORED)
export type UserChange = Static<typeof UserChange>
