import { type Static, Type } from '@sinclair/typebox'
import { Id, OTHERS_IGNORED, Time } from '../http/validation.ts'
import { CUSTOM_CODE } from './code.ts'
import { MAX_TARGET } from './target.ts'

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()])

export const Link = Type.Object({
  id: Type.Integer(),
  user_id: Nullable(Type.Integer()),
  short_code: Type.String(),
  short_url: Type.String(),
  original_url: Type.String(),
  title: Nullable(Type.String()),
  is_active: Type.Boolean(),
  blocked: Type.Optional(
    Type.Literal(true, { description: 'It leads to a blocked host and answers 410, active or not. Absent where it does not.' }),
  ),
  click_count: Type.Integer({ description: 'All clicks, bots included.' }),
  created_at: Time,
  updated_at: Time,
})
export type Link = Static<typeof Link>

/** A link as the database has it: without what depends on how we are reached, and on the blocklist. */
export type LinkRow = Omit<Link, 'short_url' | 'blocked'>

const target = Type.String({
  minLength: 1,
  maxLength: MAX_TARGET,
  description: 'http or https.',
  examples: ['https://example.com/a/page'],
})
const title = Nullable(Type.String({ maxLength: 500 }))

export const NewLink = Type.Object(
  {
    original_url: target,
    user_id: Type.Optional(Nullable(Id)),
    title: Type.Optional(title),
    short_code: Type.Optional(
      Nullable(
        Type.String({
          minLength: 3,
          maxLength: 64,
          pattern: CUSTOM_CODE.source,
          description: 'A code of your own; unset, one is made.',
        }),
      ),
    ),
  },
  OTHERS_IGNORED,
)
export type NewLink = Static<typeof NewLink>

export const LinkChange = Type.Object(
  {
    original_url: Type.Optional(target),
    title: Type.Optional(title),
    is_active: Type.Optional(Type.Boolean()),
  },
  OTHERS_IGNORED,
)
export type LinkChange = Static<typeof LinkChange>

/** POST /shorten takes either name for the target. */
export const Shorten = Type.Object(
  {
    url: Type.Optional(target),
    original_url: Type.Optional(target),
    user_id: NewLink.properties.user_id,
    title: NewLink.properties.title,
    short_code: NewLink.properties.short_code,
  },
  OTHERS_IGNORED,
)
