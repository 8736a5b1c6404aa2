// The link whose code is exactly the searched text. It comes first, however many others contain the text.
import { useEffect, useState } from 'preact/hooks'
import type { Link } from '../../src/links/schema.ts'
import { call } from '../kit/server/api.ts'

/** The code in a text that may have been copied from a link, with a slash before it, or a + or slash after it. */
export const codeIn = (text: string) => /^\/?([A-Za-z0-9_-]{1,64})[+/]?$/.exec(text.trim())?.[1]

/** The link with the code `filter.q`, if it matches the other filters too; undefined if there is none, or before the answer. */
export function useExact(filter: Record<string, string>): [Link | undefined, (link: Link) => void] {
  const [found, setFound] = useState<{ of: string; link: Link | undefined }>()
  const { q = '', ...others } = filter
  const code = codeIn(q)
  const of = code ? new URLSearchParams({ ...others, code, per_page: '1' }).toString() : ''
  useEffect(() => {
    if (!of) return
    const running = new AbortController()
    call<Link[]>('GET', `/urls?${of}`, { signal: running.signal }).then(
      ({ data }) => setFound({ of, link: data[0] }),
      () => {}, // the list shows the error
    )
    return () => running.abort()
  }, [of])
  return [found?.of === of ? found.link : undefined, (link) => found?.link?.id === link.id && setFound({ of, link })]
}
