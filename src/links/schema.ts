import { type Static, type TSchema, Type } from '@sinclair/typebox'
import type { Resource } from '../base/resource.ts'
import { Moment, Nullable } from '../base/schema.ts'
import { Id, OTHERS_IGNORED } from '../http/validation.ts'
import { CUSTOM_CODE } from './code.ts'
import type { NamesOf, RowOf } from './columns.ts'
import { MAX_TARGET } from './target.ts'

export const linkResource = {
  tag: 'Links',
  path: '/urls',
  tables: {
    urls: { content: true, sequence: 'urls_id_seq', leftOut: ['xid'] }, // the change feed would skip transaction ids of another cluster
    erasures: { leftOut: ['xid', 'seen'] }, // start again
  },
} satisfies Resource

export const Link = Type.Object({
  id: Type.Integer(),
  user_id: Nullable(Type.Integer()),
  short_code: Type.String(),
  short_url: Type.String(),
  original_url: Type.String(),
  title: Nullable(Type.String()),
  is_active: Type.Boolean(),
  blocked: Type.Optional(
    Type.Literal(true, { description: 'The host of its target is blocked: the link gets 410, active or not. Absent otherwise.' }),
  ),
  click_count: Type.Integer({ description: 'All clicks, bots included.' }),
  created_at: Moment,
  updated_at: Moment,
} satisfies Record<NamesOf<'shown'> | 'short_url' | 'blocked', TSchema>)
export type Link = Static<typeof Link>

/** A link as stored: without the fields that depend on the request (short_url) and on the blocklist. */
export type LinkRow = RowOf<'shown'>

const target = Type.String({
  minLength: 1,
  maxLength: MAX_TARGET,
  description: 'http or https. Above 3,500 characters, a proxy in front needs larger buffers: see docs/nginx.md.',
  examples: ['https://example.com/a/page'],
})
const title = Nullable(Type.String({ maxLength: 500 }))

export const NewLink = Type.Object(
  {
    original_url: target,
    user_id: Type.Optional(Nullable(Id)),
    title: Type.Optional(title),
    is_active: Type.Optional(
      Type.Boolean({ description: 'false: the link does not redirect until it is activated.', default: true }),
    ),
    short_code: Type.Optional(
      Nullable(
        Type.String({
          minLength: 3,
          maxLength: 64,
          pattern: CUSTOM_CODE.source,
          description: 'A custom code. Default: a generated one.',
        }),
      ),
    ),
  } satisfies Record<NamesOf<'given'>, TSchema>,
  OTHERS_IGNORED,
)
export type NewLink = Static<typeof NewLink>

export const LinkChange = Type.Object(
  {
    original_url: Type.Optional(target),
    title: Type.Optional(title),
    is_active: Type.Optional(Type.Boolean()),
  } satisfies Record<NamesOf<'changed'>, TSchema>,
  OTHERS_IGNORED,
)
export type LinkChange = Static<typeof LinkChange>

/** POST /shorten accepts either name for the target. */
export const Shorten = Type.Object(
  {
    url: Type.Optional(target),
    ...NewLink.properties,
    original_url: Type.Optional(target),
  },
  OTHERS_IGNORED,
)
