// A page of a list, by keyset: asked for when what is wanted changes, again every few seconds, and after a failure.
import type { RefObject } from 'preact'
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { type ApiError, asApiError, call } from './api.ts'
import { useEvery } from './clock.ts'

export const PAGE_SIZE = 50
const LONGEST_WAIT = 15

/** Which rows: those after or before an id, newest first; neither is the newest. */
export type Place = { after?: string; before?: string }

export type List<T> = {
  /** Undefined until the first answer. */
  rows: T[] | undefined
  total: number
  exact: boolean
  /** Whether there are rows on either side. */
  newer: boolean
  older: boolean
  error: ApiError | undefined
  /** When it asks again after an error, in ms since 1970. */
  retryAt: number
  /** The rows are of what was wanted before. */
  stale: boolean
}

/** `of` is what the rows are of. */
type Known<T> = Omit<List<T>, 'stale'> & { of: string }

const NOTHING = { rows: undefined, total: 0, exact: true, newer: false, older: false, error: undefined, retryAt: 0 }

/**
 * Rows of `path` that pass `filter`, by id, newest first. `every` is how often they are asked for anew, in seconds; 0 is never.
 */
export function useList<T extends { id: number }>(path: string, filter: Record<string, string>, place: Place, every = 10) {
  const [known, setList] = useState<Known<T>>({ ...NOTHING, of: '' })
  const failures = useRef(0)
  const running = useRef<AbortController | undefined>(undefined)
  const { after, before } = place
  const wanted = new URLSearchParams(filter).toString()
  const of = [path, wanted, after, before].join(' ')

  const load = useCallback(async () => {
    const { signal } = begin(running)
    // One row more than is shown says whether there are others; towards the newer ones the order is turned, and turned back.
    const query = new URLSearchParams(wanted)
    query.set('per_page', String(PAGE_SIZE + 1))
    query.set('order', before ? 'asc' : 'desc')
    const cursor = before ?? after
    if (cursor) query.set('cursor', cursor)
    try {
      const { data, headers } = await call<T[]>('GET', `${path}?${query}`, { signal })
      const more = data.length > PAGE_SIZE
      const rows = data.slice(0, PAGE_SIZE)
      failures.current = 0
      setList({
        ...NOTHING,
        of,
        rows: before ? rows.reverse() : rows,
        total: Number(headers.get('X-Total-Count') ?? data.length),
        exact: headers.get('X-Total-Exact') !== 'false',
        newer: before ? more : after !== undefined,
        older: before ? true : more,
      })
    } catch (thrown) {
      if (signal.aborted) return
      const error = asApiError(thrown)
      const wait = Math.min(Math.max(error.retryAfter, 2 ** ++failures.current), LONGEST_WAIT)
      setList((known) => ({ ...known, error, retryAt: Date.now() + wait * 1000 }))
    }
  }, [path, wanted, after, before])

  useEffect(() => {
    void load()
    return () => running.current?.abort()
  }, [load])

  useEffect(() => {
    if (!known.retryAt) return
    const timer = setTimeout(load, known.retryAt - Date.now())
    return () => clearTimeout(timer)
  }, [known.retryAt, load])

  useEvery(every || 3600, () => every > 0 && failures.current === 0 && void load())

  /** Shows a change before the server is asked again; undefined takes the row away. */
  const replace = useCallback((id: number, row: T | undefined) => {
    setList((known) => ({
      ...known,
      total: row ? known.total : known.total - 1,
      rows: known.rows?.flatMap((old) => (old.id !== id ? [old] : row ? [row] : [])),
    }))
  }, [])

  return { list: { ...known, stale: known.rows !== undefined && known.of !== of }, reload: load, replace }
}

/** Ends the call that is under way, for a new one. */
function begin(running: RefObject<AbortController | undefined>): AbortController {
  running.current?.abort()
  running.current = new AbortController()
  return running.current
}
