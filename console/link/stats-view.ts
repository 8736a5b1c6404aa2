import { useState } from 'preact/hooks'
import type { Stats } from '../../src/clicks/schema.ts'
import { useQuery } from '../kit/browser/query.ts'
import { asApiError, call } from '../kit/server/api.ts'
import { type Span, statsQuery, viewOf } from './span.ts'

/** The statistics that the address asks for: how they are shown, and `ask`, which requests them from a path. */
export function useStatsView(byDefault: Span) {
  const { query, change } = useQuery()
  const [refusedZone, setRefusedZone] = useState('')
  const view = viewOf(query, byDefault, refusedZone)

  /** `created`: when "All" begins. Shows UTC if the server does not know the time zone. Throws what `call` throws. */
  async function ask<S extends Stats>(path: string, signal: AbortSignal, created?: string): Promise<S> {
    try {
      return (await call<S>('GET', `${path}?${statsQuery(view, created)}`, { signal })).data
    } catch (thrown) {
      const { zone } = view
      if (zone !== 'UTC' && asApiError(thrown).details.some(({ field }) => field === 'tz')) setRefusedZone(zone)
      throw thrown
    }
  }
  return { query, change, view, ask, key: `${view.span} ${view.by} ${view.zone}` }
}
