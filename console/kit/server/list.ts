// A page of a list: by ids, newest first, or by number if it is in another order.
import { type ApiError, call } from './api.ts'
import { useResource } from './resource.ts'

const PAGE_SIZE = 50
/** Rows before the last page with a number, in a long list that is not in the order of ids. */
const NUMBERED = 2_000

/** Rows after or before an id, newest first; of a list in another order, the number of the page. None of them: the first page. */
export type Place = { after?: string; before?: string; page?: number }

/** An order of the server's, besides that by id. */
export type Sort = { by: string; order: 'asc' | 'desc' }

type Page<T> = {
  rows: T[]
  total: number
  exact: boolean
  /** The pages before and after this one, where there are any. */
  newer?: Place
  older?: Place
  /** Whether pages have numbers. */
  numbered: boolean
}

export type List<T> = Omit<Page<T>, 'rows'> & {
  /** Undefined until the first answer to the current question. */
  rows: T[] | undefined
  error: ApiError | undefined
  /** When it retries after an error, in ms since 1970; 0 if a retry cannot help. */
  retryAt: number
}

const NOTHING = { rows: undefined, total: 0, exact: true, numbered: false }

type Total = { total: number; exact: boolean }
/** An address, and the page that its rows are. */
type Paging<T> = { address: string; pageOf: (rows: T[], total: Total) => Page<T> }

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
  const { list, reload, change } = usePage<T>(
    sort ? numbered(path, { ...filter, sort: sort.by, order: sort.order }, place) : byId(path, filter, place),
    every,
  )
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

/** The same for rows without an id, in the only order that `path` has. */
export function useNumberedList<T>(path: string, filter: Record<string, string>, place: Place, every = 10) {
  const { list, reload } = usePage<T>(numbered(path, filter, place), every)
  return { list, reload }
}

function usePage<T>({ address, pageOf }: Paging<T>, every: number) {
  const ask = async (signal: AbortSignal): Promise<Page<T>> => {
    const { data, headers } = await call<T[]>('GET', address, { signal })
    const total = Number(headers.get('X-Total-Count') ?? data.length)
    return pageOf(data, { total, exact: headers.get('X-Total-Exact') !== 'false' })
  }
  const { data, current, error, retryAt, reload, change } = useResource(address, { every, ask, remember: true })
  const list: List<T> = { ...((current && data) || NOTHING), error, retryAt }
  return { list, reload, change }
}

/** One row more than is shown tells whether there are more. Newer rows are requested in reverse order, and reversed again. */
function byId<T extends { id: number }>(path: string, filter: Record<string, string>, { after, before }: Place): Paging<T> {
  const query = new URLSearchParams({ ...filter, per_page: String(PAGE_SIZE + 1), order: before ? 'asc' : 'desc' })
  const cursor = before ?? after
  if (cursor) query.set('cursor', cursor)
  return {
    address: `${path}?${query}`,
    pageOf(found, total) {
      const more = found.length > PAGE_SIZE
      const rows = found.slice(0, PAGE_SIZE)
      if (before) rows.reverse()
      const [first, last] = [rows[0], rows.at(-1)]
      return {
        rows,
        ...total,
        newer: (before ? more : after !== undefined) ? (first ? { before: String(first.id) } : {}) : undefined,
        older: before || more ? (last ? { after: String(last.id) } : {}) : undefined,
        numbered: false,
      }
    },
  }
}

const numbered = <T>(path: string, filter: Record<string, string>, { page = 1 }: Place): Paging<T> => ({
  address: `${path}?${new URLSearchParams({ ...filter, per_page: String(PAGE_SIZE), page: String(page) })}`,
  pageOf: (rows, { total, exact }) => ({
    rows,
    total,
    exact,
    newer: page > 1 ? { page: page - 1 } : undefined,
    older: (exact ? page * PAGE_SIZE < total : rows.length === PAGE_SIZE && page * PAGE_SIZE <= NUMBERED)
      ? { page: page + 1 }
      : undefined,
    numbered: true,
  }),
})

/** The number of a page in the address. */
export const pageIn = (text = '') => (/^[1-9]\d{0,5}$/.test(text) ? Number(text) : undefined)
