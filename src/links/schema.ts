import { type Static, type TLiteral, type TSchema, Type } from '@sinclair/typebox'
import { LONGEST_CODE } from '../base/code.ts'
import type { Resource } from '../base/resource.ts'
import { Moment, Nullable } from '../base/schema.ts'
import { Id, OTHERS_IGNORED, Time } from '../http/validation.ts'
import { CUSTOM, CUSTOM_CODE } from './code.ts'
import type { NamesOf, RowOf } from './columns.ts'
import { STATES, type State } from './state.ts'
import { MAX_TARGET } from './target.ts'

export const linkResource = {
  tag: 'Links',
  path: '/urls',
  tables: {
    urls: { content: true, sequence: 'urls_id_seq', leftOut: ['xid'] }, // the change feed would skip transaction ids of another cluster
    erasures: { leftOut: ['xid', 'seen'] }, // start again
    allowances: {},
    leases: {},
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
  last_click: Nullable(Moment),
  created_at: Moment,
  updated_at: Moment,
  state: Type.Union(STATES.map((state) => Type.Literal(state)) as [TLiteral<State>], {
    description:
      'Decides what a visit gets. scheduled: before valid_from; expired: after valid_until; used_up: max_clicks are spent; blocked: the host of the target.',
  }),
  valid_from: Nullable(Moment),
  valid_until: Nullable(Moment),
  expired_url: Nullable(Type.String()),
  max_clicks: Nullable(Type.Integer()),
  forward_query: Nullable(Type.String({ description: 'off, add or override.' })),
  forward_path: Type.Boolean(),
  password: Type.Boolean({ description: 'Whether it has one.' }),
  confirm: Type.Boolean(),
  noindex: Nullable(Type.Boolean()),
  card: Nullable(Type.Record(Type.String(), Type.String())),
  note: Nullable(Type.String()),
  clicks_left: Nullable(Type.Integer({ description: 'Of max_clicks.' })),
  used_up_at: Nullable(Moment),
  tags: Type.Array(Type.String()),
  aliases: Type.Optional(
    Type.Array(Type.String(), { description: 'Other codes of the link, the oldest first. Absent in lists.' }),
  ),
} satisfies Record<NamesOf<'shown'> | 'short_url' | 'blocked' | 'state' | 'aliases', TSchema>)
export type Link = Static<typeof Link>

/** A link as stored: without the fields that depend on the request (short_url) and on the blocklist. */
export type LinkRow = RowOf<'shown'>

/** 2^52: above it, sums would exceed what JSON numbers can represent. */
const MAX_CLICKS = 2 ** 52

const target = Type.String({
  minLength: 1,
  maxLength: MAX_TARGET,
  description: 'http or https. Above 3,500 characters, a proxy in front needs larger buffers: see docs/nginx.md.',
  examples: ['https://example.com/a/page'],
})
const title = Nullable(Type.String({ maxLength: 500 }))
const card = Type.Object(
  {
    title: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    description: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
    image: Type.Optional(Type.String({ minLength: 1, maxLength: MAX_TARGET, description: 'An http or https URL.' })),
  },
  {
    additionalProperties: false,
    description: 'What chats and social networks show of the link, instead of the page that it leads to.',
  },
)

const tags = (description: string) => Nullable(Type.Array(Type.String({ maxLength: 100 }), { maxItems: 100, description }))

/** The fields of a link besides its target; null clears one. */
const more = {
  tags: Type.Optional(
    tags('At most 30, of 1 to 64 characters without commas and vertical bars. If tags differ only by case, the first is kept.'),
  ),
  valid_from: Type.Optional(
    Nullable(Time, { description: 'Before this time the link is not found, as if it did not exist. ISO 8601, with a zone.' }),
  ),
  valid_until: Type.Optional(
    Nullable(Time, {
      description: 'From this time on the link has expired: it leads to expired_url, else to EXPIRED_URL, or gets 410.',
    }),
  ),
  expired_url: Type.Optional(Nullable(target, { description: 'Where the link leads when it has expired or is used up.' })),
  max_clicks: Type.Optional(
    Nullable(Type.Integer({ minimum: 1, maximum: MAX_CLICKS }), {
      description:
        'How often the link redirects from now on, exactly, over all replicas. Bots, HEAD, previews and prefetches do not count.',
    }),
  ),
  forward_query: Type.Optional(
    Nullable(Type.Union([Type.Literal('off'), Type.Literal('add'), Type.Literal('override')]), {
      description:
        'Whether the query of a visit is added to the target. If both have a parameter, add keeps the target’s, override the visitor’s. Default: FORWARD_QUERY.',
    }),
  ),
  forward_path: Type.Optional(Type.Boolean({ description: 'Whether /code/rest leads to rest below the target.' })),
  password: Type.Optional(
    Type.Union([Type.String({ minLength: 1, maxLength: 200 }), Type.Boolean(), Type.Null()], {
      description: 'Visitors must enter it. Only its hash is kept. true or false, as in answers, changes nothing.',
    }),
  ),
  confirm: Type.Optional(Type.Boolean({ description: 'Whether visitors see a page with a button first.' })),
  noindex: Type.Optional(
    Nullable(Type.Boolean(), { description: 'Whether redirects have X-Robots-Tag: noindex. null: as NOINDEX says.' }),
  ),
  card: Type.Optional(Nullable(card)),
  note: Type.Optional(Nullable(Type.String({ maxLength: 2_000 }), { description: 'For you; visitors never see it.' })),
}

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
          maxLength: LONGEST_CODE,
          pattern: CUSTOM_CODE.source,
          description: 'A custom code. Default: a generated one.',
        }),
      ),
    ),
    ...more,
    expires_in: Type.Optional(
      Type.String({ description: 'Instead of valid_until: 30d, 12h, 90min.', examples: ['30d'], maxLength: 40 }),
    ),
    reuse: Type.Optional(
      Type.Boolean({
        description:
          'true: returns your newest link to this target that does what this one would do, with 200. Without such a link it creates one, with 201. Of several simultaneous requests, only one creates a link. title, note and short_code are compared if they are given.',
        default: false,
      }),
    ),
  } satisfies Record<NamesOf<'given'> | 'expires_in' | 'reuse', TSchema>,
  OTHERS_IGNORED,
)
export type NewLink = Static<typeof NewLink>

/** A code that a link may have already: imported ones may be longer than those that a client chooses. */
const anyCode = (description: string) => Type.String({ minLength: 1, maxLength: 400, description })

export const LinkChange = Type.Object(
  {
    original_url: Type.Optional(target),
    title: Type.Optional(title),
    is_active: Type.Optional(Type.Boolean()),
    short_code: Type.Optional(
      Nullable(anyCode(`Renames the link: ${CUSTOM}. Its old code becomes an alias, and keeps working.`)),
    ),
    ...more,
    add_tags: Type.Optional(tags('Added to the tags of the link, after remove_tags.')),
    remove_tags: Type.Optional(tags('Removed, ignoring case.')),
  } satisfies Record<NamesOf<'changed'> | 'add_tags' | 'remove_tags', TSchema>,
  OTHERS_IGNORED,
)
export type LinkChange = Static<typeof LinkChange>

export const Alias = Type.Object({ code: Type.String(), short_url: Type.String(), created_at: Moment })

export const NewAlias = Type.Object(
  { code: anyCode(`${CUSTOM}; or a code that was an alias of this link before.`) },
  OTHERS_IGNORED,
)

/** What a change of many links did. */
export const Outcome = Type.Object({
  matched: Type.Integer({ description: 'Links that were selected.' }),
  changed: Type.Integer({ description: 'Links that changed or, with dry_run, would change.' }),
  refused: Type.Integer({ description: 'Links that were left as they are, because valid_until would not be after valid_from.' }),
})
export type Outcome = Static<typeof Outcome>

export const Suggestion = Type.Object({ q: Type.String({ description: 'A search that finds links.' }) })
export type Suggestion = Static<typeof Suggestion>

/** POST /shorten accepts either name for the target. */
export const Shorten = Type.Object(
  {
    url: Type.Optional(target),
    ...NewLink.properties,
    original_url: Type.Optional(target),
  },
  OTHERS_IGNORED,
)
