// A page of a list, by keyset pagination.
import { type ApiError, call } from './api.ts'
import { useResource } from './resource.ts'

const PAGE_SIZE = 50

/** Rows after or before an id, newest first. Neither: the newest rows. */
export type Place = { after?: string; before?: string }

type Page<T> = {
  rows: T[]
  total: number
  exact: boolean
  /** Whether there are newer and older rows. */
  newer: boolean
  older: boolean
}

export type List<T> = Omit<Page<T>, 'rows'> & {
  /** Undefined until the first answer to the current question. */
  rows: T[] | undefined
  error: ApiError | undefined
  /** When it retries after an error, in ms since 1970; 0 if a retry cannot help. */
  retryAt: number
}

const NOTHING = { rows: undefined, total: 0, exact: true, newer: false, older: false }

/**
 * Rows of `path` that match `filter`, by id, newest first. `every`: seconds between reloads; 0: never. When the browser goes back to an earlier
 * entry of the history, its rows are shown again at once.
 */
export function useList<T extends { id: number }>(
  path: string,
  filter: Record<string, string>,
  { after, before }: Place,
  every = 10,
) {
  // One row more than is shown tells whether there are more. Newer rows are requested in reverse order, and reversed again below.
  const query = new URLSearchParams({ ...filter, per_page: String(PAGE_SIZE + 1), order: before ? 'asc' : 'desc' })
  const cursor = before ?? after
  if (cursor) query.set('cursor', cursor)
  const address = `${path}?${query}`
  const ask = async (signal: AbortSignal): Promise<Page<T>> => {
    const { data, headers } = await call<T[]>('GET', address, { signal })
    const more = data.length > PAGE_SIZE
    const rows = data.slice(0, PAGE_SIZE)
    return {
      rows: before ? rows.reverse() : rows,
      total: Number(headers.get('X-Total-Count') ?? data.length),
      exact: headers.get('X-Total-Exact') !== 'false',
      newer: before ? more : after !== undefined,
      older: before ? true : more,
    }
  }
  const { data, current, error, retryAt, reload, change } = useResource(address, { every, ask, remember: true })
  const list: List<T> = { ...((current && data) || NOTHING), error, retryAt }
  return {
    list,
    reload,
    /** Shows a changed row before the next reload; undefined removes it. */
    replace: (id: number, row: T | undefined) =>
      change((page) => ({
        ...page,
        total: row ? page.total : page.total - 1,
        rows: page.rows.flatMap((old) => (old.id !== id ? [old] : row ? [row] : [])),
      })),
  }
}
