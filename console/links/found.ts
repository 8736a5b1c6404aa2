import { useEffect, useState } from 'preact/hooks'
import type { Link } from '../../src/links/schema.ts'
import { call } from '../kit/server/api.ts'

/** The first link that `filter` finds, requested when typing pauses; undefined before the answer, and without a filter. */
export function useFound(filter: Record<string, string> | undefined): Link | undefined {
  const [found, setFound] = useState<{ query: string; link?: Link }>()
  const query = filter ? new URLSearchParams({ ...filter, per_page: '1' }).toString() : ''
  useEffect(() => {
    if (!query) return
    const running = new AbortController()
    const timer = setTimeout(async () => {
      const answer = await call<Link[]>('GET', `/urls?${query}`, { signal: running.signal }).catch(() => undefined)
      if (answer) setFound({ query, link: answer.data[0] })
    }, PAUSE)
    return () => {
      clearTimeout(timer)
      running.abort()
    }
  }, [query])
  return found?.query === query ? found.link : undefined
}

const PAUSE = 300
