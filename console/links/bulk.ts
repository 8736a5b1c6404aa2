// One request for many links: those with some ids, or all that match a filter.
import type { LinkChange, Outcome } from '../../src/links/schema.ts'
import { call, OWN, refusal } from '../kit/server/api.ts'

export type Which = { ids: number[] } | { filter: Record<string, string> }

/** A million links take some minutes. */
const DEADLINE = 600_000

/** Throws what `call` throws. Changes until then stay. */
export const changeMany = async (which: Which, set: LinkChange) =>
  (await call<Outcome>('PATCH', '/urls/bulk', { body: { ...bodyOf(which), set }, deadline: DEADLINE })).data

export const deleteMany = async (which: Which) =>
  (await call<Outcome>('DELETE', '/urls/bulk', { body: bodyOf(which), deadline: DEADLINE })).data

/** The same, but sent even if the page is left. Links that no longer exist are no error. */
export async function deleteOnLeaving(ids: number[]) {
  const response = await fetch('/urls/bulk', {
    method: 'DELETE',
    headers: { Accept: 'application/json', 'Content-Type': 'application/json', ...OWN },
    body: JSON.stringify({ ids }),
    keepalive: true,
  })
  if (!response.ok) throw await refusal(response)
}

/** The server refuses an empty filter, which may be a mistake: `all` names every link. */
const bodyOf = (which: Which) => ('filter' in which && Object.keys(which.filter).length === 0 ? { filter: { all: true } } : which)
