// The links that are shown: from the address to the server's filter.
import type { Place } from '../kit/server/list.ts'

export const SHOWN = ['all', 'active', 'inactive', 'blocked'] as const
export type Shown = (typeof SHOWN)[number]
/** `tag`: tags, separated by commas; `match`: which of them a link must have. */
export type View = { q: string; show: Shown; user: string; tag: string; match: Match; place: Place }

export const MATCHES = ['all', 'any', 'none'] as const
export type Match = (typeof MATCHES)[number]

type Query = Record<string, string | undefined>

export const viewOf = ({ q = '', show, user = '', tag = '', match, after, before }: Query): View => ({
  q,
  show: SHOWN.find((known) => known === show) ?? 'all',
  user: /^\d+$/.test(user) ? user : '',
  tag,
  match: MATCHES.find((known) => known === match) ?? 'all',
  place: { after, before },
})

/** The filters of GET /urls and of the export. */
export function filterOf({ q, show, user, tag, match }: View): Record<string, string> {
  return {
    ...(q && { q }),
    ...(user && { user_id: user }),
    ...(tag && { tag, tags: match }),
    ...(show === 'active' && { is_active: 'true' }),
    ...(show === 'inactive' && { is_active: 'false' }),
    ...(show === 'blocked' && { blocked: 'true' }),
  }
}

export const isFiltered = ({ q, show, user, tag }: View) => q !== '' || user !== '' || tag !== '' || show !== 'all'
