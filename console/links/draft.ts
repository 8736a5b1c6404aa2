// The content of a form for a link, and the request body from it.
import type { Link, NewLink } from '../../src/links/schema.ts'
import { tagsIn } from '../kit/parts/tags.tsx'

/** Times as ISO text, in UTC; '' for what is not given. The password itself is no part of it: drafts are kept, passwords are not. */
export type Draft = {
  target: string
  code: string
  title: string
  /** Separated by commas. */
  tags: string
  from: string
  until: string
  limit: string
  expired: string
  password: '' | 'set' | 'remove'
  confirm: boolean
  query: '' | 'off' | 'add' | 'override'
  path: boolean
  noindex: '' | 'true' | 'false'
  cardTitle: string
  cardText: string
  cardImage: string
  note: string
}
export type Field = keyof Draft

export const EMPTY: Draft = {
  target: '',
  code: '',
  title: '',
  tags: '',
  from: '',
  until: '',
  limit: '',
  expired: '',
  password: '',
  confirm: false,
  query: '',
  path: false,
  noindex: '',
  cardTitle: '',
  cardText: '',
  cardImage: '',
  note: '',
}

/** The server's name of each field, and how a sentence about it begins: its texts begin with "is already taken". */
export const NAMES: Record<Field, [server: string, text: string]> = {
  target: ['original_url', 'this address'],
  code: ['short_code', 'this code'],
  title: ['title', 'this title'],
  tags: ['tags', 'a tag'],
  from: ['valid_from', 'this time'],
  until: ['valid_until', 'this time'],
  limit: ['max_clicks', 'the limit'],
  expired: ['expired_url', 'this address'],
  password: ['password', 'the password'],
  confirm: ['confirm', 'this'],
  query: ['forward_query', 'this'],
  path: ['forward_path', 'this'],
  noindex: ['noindex', 'this'],
  cardTitle: ['card.title', 'this title'],
  cardText: ['card.description', 'this text'],
  cardImage: ['card.image', 'this address'],
  note: ['note', 'the note'],
}
export const FIELDS = Object.keys(NAMES) as Field[]

export const draftOf = (link: Link): Draft => ({
  target: link.original_url,
  code: link.short_code,
  title: link.title ?? '',
  tags: link.tags.join(),
  from: link.valid_from ?? '',
  until: link.valid_until ?? '',
  limit: link.max_clicks?.toString() ?? '',
  expired: link.expired_url ?? '',
  password: '',
  confirm: link.confirm,
  query: (link.forward_query ?? 'off') as Draft['query'],
  path: link.forward_path,
  noindex: link.noindex === null ? '' : link.noindex ? 'true' : 'false',
  cardTitle: link.card?.title ?? '',
  cardText: link.card?.description ?? '',
  cardImage: link.card?.image ?? '',
  note: link.note ?? '',
})

/** A URL as it is sent: a bare host gets https://. */
export function completed(target: string): string {
  const text = target.trim()
  return text === '' || /^[a-z][a-z0-9+.-]*:/i.test(text.replace(/^[^/?#]*:\d+(?=[/?#]|$)/, '')) ? text : `https://${text}`
}

/** The body of a POST or PATCH: what differs from `before`. */
export function changesOf(draft: Draft, before: Draft, password: string): Partial<NewLink> {
  const [now, then] = [valuesOf(draft), valuesOf(before)]
  const differing = Object.entries(now).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(then[name as 'title']))
  return {
    ...Object.fromEntries(differing),
    ...(draft.password && { password: draft.password === 'set' ? password : null }),
  }
}

function valuesOf(draft: Draft) {
  const card = {
    ...(draft.cardTitle.trim() && { title: draft.cardTitle.trim() }),
    ...(draft.cardText.trim() && { description: draft.cardText.trim() }),
    ...(draft.cardImage.trim() && { image: completed(draft.cardImage) }),
  }
  return {
    original_url: completed(draft.target),
    short_code: draft.code || null,
    title: draft.title.trim() || null,
    tags: tagsIn(draft.tags),
    valid_from: draft.from || null,
    valid_until: draft.until || null,
    max_clicks: draft.limit.trim() === '' ? null : Number(draft.limit),
    expired_url: completed(draft.expired) || null,
    confirm: draft.confirm,
    forward_query: draft.query || null,
    forward_path: draft.path,
    noindex: draft.noindex === '' ? null : draft.noindex === 'true',
    card: Object.keys(card).length > 0 ? card : null,
    note: draft.note.trim() || null,
  } satisfies Partial<NewLink>
}
