// Where in the console we are: the address is the state, so that every view can be reloaded, shared and gone back from.
import { useEffect, useState } from 'preact/hooks'

export type Route = {
  /** Below /console: '' for the overview, 'links/42', 'logs'. */
  path: string
  query: URLSearchParams
}

const CHANGED = 'waypost:route'

const read = (): Route => ({
  path: location.pathname.replace(/^\/(console|dashboard)\/?(overview$)?/, '').replace(/\/$/, ''),
  query: new URLSearchParams(location.search),
})

/** Goes to a page of the console. `replace` leaves no step to go back to: for filters while somebody types. */
export function go(path: string, query: Record<string, string | undefined> = {}, { replace = false } = {}) {
  const given = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]))
  const address = `/console${path && `/${path}`}${given.length > 0 ? `?${new URLSearchParams(given)}` : ''}`
  if (replace) history.replaceState(null, '', address)
  else history.pushState(null, '', address)
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

/** Links within the console change the page without loading it anew; with a modifier, or to elsewhere, they are the browser's. */
export function followLinks(event: MouseEvent) {
  if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
  const link = (event.target as Element).closest?.('a')
  if (!link || link.target || link.download || link.origin !== location.origin || !/^\/console(\/|$)/.test(link.pathname)) return
  event.preventDefault()
  // The same address again shows the page from its beginning, and is no step to go back to.
  go(link.pathname.replace(/^\/console\/?/, ''), Object.fromEntries(new URLSearchParams(link.search)), {
    replace: link.href === location.href,
  })
  scrollTo({ top: 0 })
}
