// The links that are shown: from the address to the server's filter.
import { type Place, pageIn, type Sort } from '../kit/server/list.ts'

export const SHOWN = ['all', 'active', 'scheduled', 'inactive', 'expired', 'used_up', 'blocked'] as const
export type Shown = (typeof SHOWN)[number]
/** `tag`: tags, separated by commas; `match`: which of them a link must have. */
export type View = { q: string; show: Shown; user: string; tag: string; match: Match; sort?: Sort; place: Place }

export const MATCHES = ['all', 'any', 'none'] as const
export type Match = (typeof MATCHES)[number]

/** The orders of the list; the first is by id. */
export const SORTS = [
  ['', 'Newest first'],
  ['clicks desc', 'Most clicks'],
  ['clicks asc', 'Fewest clicks'],
  ['last_click desc', 'Last clicked'],
  ['title asc', 'Title, A to Z'],
  ['title desc', 'Title, Z to A'],
  ['created desc', 'Created, latest first'],
  ['created asc', 'Created, oldest first'],
] as const

/** The default order of a search. */
export const RELEVANT = { by: 'relevance', order: 'desc' } as const

type Query = Record<string, string | undefined>

export const viewOf = ({ q = '', show, user = '', tag = '', match, sort, order, after, before, page }: Query): View => ({
  q,
  show: SHOWN.find((known) => known === show) ?? 'all',
  user: /^\d+$/.test(user) ? user : '',
  tag,
  match: MATCHES.find((known) => known === match) ?? 'all',
  sort: SORTS.some(([known]) => sort && known.startsWith(`${sort} `))
    ? { by: sort!, order: order === 'asc' ? 'asc' : 'desc' }
    : undefined,
  place: { after, before, page: pageIn(page) },
})

/** The filters of GET /urls and of the export. */
export function filterOf({ q, show, user, tag, match }: View): Record<string, string> {
  return {
    ...(q && { q }),
    ...(user && { user_id: user }),
    ...(tag && { tag, tags: match }),
    ...(show !== 'all' && { state: show }),
  }
}

export const isFiltered = ({ q, show, user, tag }: View) => q !== '' || user !== '' || tag !== '' || show !== 'all'

/** The order after a press on a column's title: titles upwards first, the rest downwards; again, the other way round. */
export const turned = (by: string, now: Sort | undefined): Sort => ({
  by,
  order: now?.by === by ? (now.order === 'asc' ? 'desc' : 'asc') : by === 'title' ? 'asc' : 'desc',
})

/** The same for the address. */
export const sortedBy = (sort: Sort | undefined) => ({ sort: sort?.by, order: sort?.order })
