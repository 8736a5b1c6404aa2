// /console/links/new?url=…&title=…: how a bookmarklet, the share menu of a phone or another page opens the form for a new link. The address only fills
// the form in: a link is created by a press on its button.
import { useEffect } from 'preact/hooks'
import { useQuery } from '../kit/browser/query.ts'
import { go } from '../kit/browser/route.ts'

type Offer = { target: string; title: string }

const NEW = 'links/new'

/** Whether the address is that of the form. */
export const isNew = (path: string) => path === NEW

/** Calls `fill` once for an address with an offer, `begin` for one without. The address becomes that of the list, so that a reload does not fill again. */
export function useOffer(fill: (offer: Offer) => void, begin: () => void) {
  const { path, query } = useQuery()
  useEffect(() => {
    if (!isNew(path)) return
    const { url, title, text, ...others } = query
    const offer = offerIn({ url, title, text })
    if (offer) fill(offer)
    else setTimeout(begin) // after the page has taken the focus
    go('links', others, { replace: true })
  }, [path])
}

/** Android puts the address of a page into `text`, alone or after some words. */
function offerIn({ url, title = '', text = '' }: { url?: string; title?: string; text?: string }): Offer | undefined {
  const target = (url || (/https?:\/\/\S+/i.exec(text) ?? /https?:\/\/\S+/i.exec(title))?.[0] || '').trim()
  const words = title.trim()
  return target || words ? { target, title: words === target ? '' : words } : undefined
}
