import type { Suggestion } from '../../src/links/schema.ts'
import { Text } from '../kit/parts/text.tsx'
import { useResource } from '../kit/server/resource.ts'

/** Searches that find something, for one that does not. */
export const similarTo = (filter: Record<string, string>) => `/api/suggestions/links?${new URLSearchParams(filter)}`

/** Offers other searches where `filter.q` finds nothing. */
export function Similar({ filter, choose }: { filter: Record<string, string>; choose: (q: string) => void }) {
  const { data, current } = useResource<Suggestion[]>(similarTo(filter))
  if (!current || !data?.length) return <p>Check the spelling or clear the filters.</p>
  return (
    <p role="status">
      Did you mean{' '}
      {data.map(({ q }, at) => (
        <span key={q}>
          {at > 0 && (at < data.length - 1 ? ', ' : ' or ')}
          <button type="button" class="link-button" onClick={() => choose(q)}>
            <Text of={q} />
          </button>
        </span>
      ))}
      ?
    </p>
  )
}
