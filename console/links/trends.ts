import { useRef } from 'preact/hooks'
import type { Trend } from '../../src/clicks/schema.ts'
import type { Link } from '../../src/links/schema.ts'
import { ownZone } from '../kit/browser/zone.ts'
import { call } from '../kit/server/api.ts'
import { useResource } from '../kit/server/resource.ts'

const EVERY = 60

/** The clicks per day of the links of a page, by id: one request for all, and another one once there is a new link. */
export function useTrends(links: Link[] | undefined): ReadonlyMap<number, number[]> {
  const ids = links?.map(({ id }) => id).sort((a, b) => a - b) ?? []
  const known = useRef(new Map<number, number[]>())
  useResource(ids.join(), {
    every: EVERY,
    ask: async (signal) => {
      if (ids.length === 0) return
      const query = new URLSearchParams({ ids: ids.join(), tz: ownZone })
      const { data } = await call<Trend[]>('GET', `/api/trends?${query}`, { signal })
      known.current = new Map(data.map(({ id, clicks }) => [id, clicks]))
    },
  })
  return known.current
}
