// The query of the address says what a page shows.
import { go, useRoute } from './route.ts'

/** The query as strings, and a change to it: undefined or '' removes a name. Without `step` the change adds no entry to the history. */
export function useQuery() {
  const { path, query } = useRoute()
  const change = (part: Record<string, string | undefined>, { step = false } = {}) =>
    go(path, { ...Object.fromEntries(new URLSearchParams(location.search)), ...part }, { replace: !step })
  return { path, query: Object.fromEntries(query) as Record<string, string | undefined>, change }
}
