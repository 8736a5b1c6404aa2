import { CopyButton } from '../kit/parts/copy.tsx'
import { Dialog } from '../kit/parts/dialog.tsx'
import { Links } from './page-icons.tsx'

/** How to create links from other pages, from the address bar and on a phone. */
export function Anywhere({ close }: { close: () => void }) {
  const form = `${location.origin}/console/links/new`
  const bookmarklet = `javascript:void open('${form}?url='+encodeURIComponent(location)+'&title='+encodeURIComponent(document.title))`
  const search = `${location.origin}/console/links?q=%s`
  return (
    <Dialog title="Add links from anywhere" close={close} class="anywhere">
      <section>
        <h3>From any page</h3>
        <p>
          Drag this button to your bookmarks bar. On a page that you want to shorten, click it: the form for a new link opens,
          filled in.
        </p>
        <p class="address">
          {/* A click here would only open this page: the content policy stops it. */}
          <a class="button" href={bookmarklet} onClick={(event) => event.preventDefault()}>
            <Links /> Shorten this page
          </a>
          <CopyButton text={bookmarklet} label="Copy its address" />
        </p>
      </section>
      <section>
        <h3>From the address bar</h3>
        <p>Browsers offer to add Waypost as a search engine, which searches your links. By hand, add this address:</p>
        <p class="address">
          <code>{search}</code>
          <CopyButton text={search} />
        </p>
      </section>
      <section>
        <h3>On a phone</h3>
        <p>Install this page from the menu of the browser. On Android, Waypost is then in the share menu of other apps.</p>
      </section>
    </Dialog>
  )
}
