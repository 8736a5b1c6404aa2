// What a page shows is in the address's query: read from it, and changed through it.
import { go, useRoute } from '../shell/route.ts'

/** The query as texts, and a change to it: undefined or '' takes a name out. Without `step` it leaves nothing to go back to. */
export function useQuery() {
  const { path, query } = useRoute()
  const change = (part: Record<string, string | undefined>, { step = false } = {}) =>
    go(path, { ...Object.fromEntries(new URLSearchParams(location.search)), ...part }, { replace: !step })
  return { path, query: Object.fromEntries(query) as Record<string, string | undefined>, change }
}
