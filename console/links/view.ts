// The links that are shown: from the address to the server's filter.
import type { Place } from '../kit/server/list.ts'

export const SHOWN = ['all', 'active', 'inactive', 'blocked'] as const
export type Shown = (typeof SHOWN)[number]
export type View = { q: string; show: Shown; user: string; place: Place }

type Query = Record<string, string | undefined>

export const viewOf = ({ q = '', show, user = '', after, before }: Query): View => ({
  q,
  show: SHOWN.find((known) => known === show) ?? 'all',
  user: /^\d+$/.test(user) ? user : '',
  place: { after, before },
})

/** The filters of GET /urls and of the export. */
export function filterOf({ q, show, user }: View): Record<string, string> {
  return {
    ...(q && { q }),
    ...(user && { user_id: user }),
    ...(show === 'active' && { is_active: 'true' }),
    ...(show === 'inactive' && { is_active: 'false' }),
    ...(show === 'blocked' && { blocked: 'true' }),
  }
}

export const isFiltered = ({ q, show, user }: View) => q !== '' || user !== '' || show !== 'all'
