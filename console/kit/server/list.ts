// A page of a list: by ids, newest first, or by number if it is in another order.
import { type ApiError, call } from './api.ts'
import { useResource } from './resource.ts'

const PAGE_SIZE = 50

/** Rows after or before an id, newest first; neither: the newest rows. Of a list in another order, the number of the page. */
export type Place = { after?: string; before?: string; page?: number }

/** An order of the server's, besides that by id. */
export type Sort = { by: string; order: 'asc' | 'desc' }

type Page<T> = {
  rows: T[]
  total: number
  exact: boolean
  /** Whether there are newer and older rows. */
  newer: boolean
  older: boolean
  /** If pages have numbers. */
  page?: number
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
 * Rows of `path` that match `filter`, by id, newest first, or in the order `sort`. `every`: seconds between reloads; 0: never. When the browser
 * goes back to an earlier entry of the history, its rows are shown again at once.
 */
export function useList<T extends { id: number }>(
  path: string,
  filter: Record<string, string>,
  place: Place,
  every = 10,
  sort?: Sort,
) {
  const address = sort ? numbered(path, filter, place, sort) : byId(path, filter, place)
  const ask = async (signal: AbortSignal): Promise<Page<T>> => {
    const { data, headers } = await call<T[]>('GET', address, { signal })
    const total = Number(headers.get('X-Total-Count') ?? data.length)
    const exact = headers.get('X-Total-Exact') !== 'false'
    const { before, after, page = 1 } = place
    if (sort)
      return {
        rows: data,
        total,
        exact,
        page,
        newer: page > 1,
        older: exact ? page * PAGE_SIZE < total : data.length === PAGE_SIZE,
      }
    const more = data.length > PAGE_SIZE
    const rows = data.slice(0, PAGE_SIZE)
    return {
      rows: before ? rows.reverse() : rows,
      total,
      exact,
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

/** One row more than is shown tells whether there are more. Newer rows are requested in reverse order, and reversed again. */
function byId(path: string, filter: Record<string, string>, { after, before }: Place) {
  const query = new URLSearchParams({ ...filter, per_page: String(PAGE_SIZE + 1), order: before ? 'asc' : 'desc' })
  const cursor = before ?? after
  if (cursor) query.set('cursor', cursor)
  return `${path}?${query}`
}

const numbered = (path: string, filter: Record<string, string>, { page = 1 }: Place, { by, order }: Sort) =>
  `${path}?${new URLSearchParams({ ...filter, sort: by, order, per_page: String(PAGE_SIZE), page: String(page) })}`
