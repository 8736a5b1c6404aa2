// The address is the state: every view can be reloaded and shared, and the browser's Back button works.
import { useEffect, useState } from 'preact/hooks'
import { enter, leave, stateOf } from './entry.ts'

export type Route = {
  /** Below /console: '' for the overview, 'links/42', 'logs'. */
  path: string
  query: URLSearchParams
}

const CHANGED = 'waypost:route'

// Registered first, so that it runs before the listeners of the page.
addEventListener('popstate', () => {
  leave()
  enter(true)
})

const read = (): Route => ({
  path: location.pathname.replace(/^\/(console|dashboard)\/?(overview$)?/, '').replace(/\/$/, ''),
  query: new URLSearchParams(location.search),
})

/** Goes to a page of the console. `replace` adds no entry to the history: for filters while somebody types. */
export function go(path: string, query: Record<string, string | undefined> = {}, { replace = false } = {}) {
  const given = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]))
  const address = `/console${path && `/${path}`}${given.length > 0 ? `?${new URLSearchParams(given)}` : ''}`
  leave()
  if (replace) history.replaceState(stateOf(true), '', address)
  else history.pushState(stateOf(false), '', address)
  enter(false)
  dispatchEvent(new Event(CHANGED))
}

export function useRoute(): Route {
  const [route, setRoute] = useState(read)
  useEffect(() => {
    const listener = () => setRoute(read())
    addEventListener('popstate', listener)
    addEventListener(CHANGED, listener)
    return () => {
      removeEventListener('popstate', listener)
      removeEventListener(CHANGED, listener)
    }
  }, [])
  return route
}

/** Links within the console change the page without a reload. Other links, and clicks with a modifier, are left to the browser. */
export function followLinks(event: MouseEvent) {
  if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
  const link = (event.target as Element).closest?.('a')
  if (!link || link.target || link.download || link.origin !== location.origin || !/^\/console(\/|$)/.test(link.pathname)) return
  event.preventDefault()
  // The same address again scrolls to the top, and adds no entry to the history.
  go(link.pathname.replace(/^\/console\/?/, ''), Object.fromEntries(new URLSearchParams(link.search)), {
    replace: link.href === location.href,
  })
  scrollTo({ top: 0 })
}
