// The page of links that is shown: asked for when the view changes, again every few seconds, and after a failure.
import type { RefObject } from 'preact'
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import type { Link } from '../../src/links/schema.ts'
import { type ApiError, asApiError, call } from '../server/api.ts'
import { useEvery } from '../server/clock.ts'
import type { View } from './address.ts'

export const PAGE_SIZE = 50
const FRESH_EVERY = 10
const LONGEST_WAIT = 15

export type List = {
  /** Undefined until the first answer. */
  rows: Link[] | undefined
  total: number
  exact: boolean
  more: boolean
  error: ApiError | undefined
  /** When it asks again after an error, in ms since 1970. */
  retryAt: number
  /** The rows belong to a view before this one. */
  stale: boolean
}

const NOTHING: List = { rows: undefined, total: 0, exact: true, more: false, error: undefined, retryAt: 0, stale: false }

export function useList(view: View) {
  const [list, setList] = useState(NOTHING)
  const cursors = useRef(new Map<string, string>())
  const failures = useRef(0)
  const running = useRef<AbortController | undefined>(undefined)

  const load = useCallback(async () => {
    const { signal } = begin(running)
    const query = queryOf(view)
    const key = query.toString()
    const cursor = cursors.current.get(`${key} ${view.page}`)
    if (cursor) query.set('cursor', cursor)
    else query.set('page', String(view.page))
    try {
      const { data, headers } = await call<Link[]>('GET', `/urls?${query}`, { signal })
      const next = headers.get('X-Next-Cursor')
      if (next) cursors.current.set(`${key} ${view.page + 1}`, next)
      const total = Number(headers.get('X-Total-Count') ?? data.length)
      const exact = headers.get('X-Total-Exact') !== 'false'
      const more = next !== null && (!exact || view.page * PAGE_SIZE < total)
      failures.current = 0
      setList({ rows: data, total, exact, more, error: undefined, retryAt: 0, stale: false })
    } catch (thrown) {
      if (signal.aborted) return
      const error = asApiError(thrown)
      const wait = Math.min(Math.max(error.retryAfter, 2 ** ++failures.current), LONGEST_WAIT)
      setList((before) => ({ ...before, error, retryAt: Date.now() + wait * 1000, stale: false }))
    }
  }, [view.search, view.filter, view.page])

  useEffect(() => {
    setList((before) => ({ ...before, stale: true }))
    void load()
    return () => running.current?.abort()
  }, [load])

  useEffect(() => {
    if (!list.retryAt) return
    const timer = setTimeout(load, list.retryAt - Date.now())
    return () => clearTimeout(timer)
  }, [list.retryAt, load])

  useEvery(FRESH_EVERY, () => failures.current === 0 && void load())

  /** Shows a change before the server is asked again; undefined takes the row away. */
  const replace = useCallback((id: number, link: Link | undefined) => {
    setList((before) => ({
      ...before,
      total: link ? before.total : before.total - 1,
      rows: before.rows?.flatMap((row) => (row.id !== id ? [row] : link ? [link] : [])),
    }))
  }, [])

  return { list, reload: load, replace }
}

/** Ends the call that is under way, for a new one. */
function begin(running: RefObject<AbortController | undefined>): AbortController {
  running.current?.abort()
  running.current = new AbortController()
  return running.current
}

function queryOf({ search, filter }: View): URLSearchParams {
  const query = new URLSearchParams({ per_page: String(PAGE_SIZE), order: 'desc' })
  if (search) query.set('q', search)
  if (filter !== 'all') query.set('is_active', String(filter === 'active'))
  return query
}
