import { render } from 'preact'
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { cameBack } from './kit/browser/entry.ts'
import { followLinks, useRoute } from './kit/browser/route.ts'
import { Questions } from './kit/parts/dialog.tsx'
import { Empty } from './kit/parts/empty.tsx'
import { PageFrame } from './kit/parts/page.tsx'
import { Toasts } from './kit/parts/toast.tsx'
import { onSessionElsewhere, session, useSession } from './kit/server/session.ts'
import { askSession } from './kit/server/who.ts'
import { Anywhere } from './shell/anywhere.tsx'
import { Help } from './shell/help.tsx'
import { useJumps } from './shell/jumps.ts'
import { isOffered, type Page, pageAt } from './shell/pages.ts'
import { Palette } from './shell/palette.tsx'
import { Rail, useAllowed } from './shell/rail.tsx'
import { SessionEnd } from './shell/session-end.tsx'
import { SignIn } from './shell/sign-in.tsx'
import { Top } from './shell/top.tsx'

const ASK_AGAIN = 3_000

function Console() {
  const { refused, caller } = useSession()
  const seen = caller !== undefined && caller.by !== 'nobody' // a page that was shown stays, also after the end of the session
  const [asked, setAsked] = useState(false)
  const [over, setOver] = useState<'palette' | 'help' | 'anywhere'>()
  const find = useCallback(() => setOver('palette'), [])
  const help = useCallback(() => setOver('help'), [])
  const anywhere = useCallback(() => setOver('anywhere'), [])
  const close = useCallback(() => setOver(undefined), [])
  useEffect(() => {
    // Without a response the page shows the problem, and retries.
    let timer: ReturnType<typeof setTimeout> | undefined
    const ask = () =>
      askSession()
        .catch(() => {
          timer = setTimeout(ask, ASK_AGAIN)
        })
        .finally(() => setAsked(true))
    void ask()
    const leave = onSessionElsewhere(() => void askSession().catch(() => {}))
    return () => {
      clearTimeout(timer)
      leave()
    }
  }, [])
  return (
    <>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <Top find={find} />
      {asked && (refused && !seen ? <SignIn /> : <Pages find={find} help={help} />)}
      {over === 'palette' && (seen || !refused) && <Palette close={close} help={help} anywhere={anywhere} />}
      {over === 'help' && <Help close={close} anywhere={anywhere} />}
      {over === 'anywhere' && <Anywhere close={close} />}
      <Questions />
      <Toasts />
      {seen && <SessionEnd />}
    </>
  )
}

function Pages({ find, help }: { find: () => void; help: () => void }) {
  const { path } = useRoute()
  const allowed = useAllowed()
  const asked = pageAt(path)
  const page = path === '' && asked && !isOffered(asked) && allowed[0] ? allowed[0] : asked // not everybody may see the first page
  const jumping = useJumps(allowed, { find, help })
  const before = useRef(page)
  useEffect(() => {
    document.title = `${page?.title ?? 'Page not found'} · Waypost`
    if (before.current === page) return
    before.current = page
    session.turn()
    if (!cameBack()) scrollTo({ top: 0 })
    document.querySelector<HTMLElement>('main')?.focus({ preventScroll: true }) // screen readers then read the new page from its beginning
  }, [page])
  useEffect(() => {
    document.addEventListener('click', followLinks)
    return () => document.removeEventListener('click', followLinks)
  }, [])
  return (
    <div class="pages">
      <Rail current={page} jumping={jumping} />
      {!page ? <Nowhere /> : isOffered(page) ? <Shown page={page} id={path.split('/')[1]} /> : <NotForYou page={page} />}
    </div>
  )
}

/** A page, or one of its rows. */
const Shown = ({ page, id }: { page: Page; id: string | undefined }) =>
  page.one && id && id !== page.own ? <page.one key={id} id={id} /> : <page.component key={page.path} />

/** Says once that the page is not allowed, instead of sending requests that would be refused. */
function NotForYou({ page: { title, needs } }: { page: Page }) {
  const { offered } = useSession()
  return (
    <PageFrame title={title}>
      <Empty title="Your key has no access to this page">
        <p>
          {offered?.user_id != null || offered?.only_tag != null
            ? `It covers only the links and events of its ${offered.user_id != null ? 'user' : 'tag'}. This page needs a key that is not bound.`
            : `Its scope is ${offered?.scope}. This page needs ${needs}.`}
        </p>
      </Empty>
    </PageFrame>
  )
}

const Nowhere = () => (
  <PageFrame title="Page not found">
    <Empty title="There is no page at this address">
      <p>Choose a page, or press Ctrl K to search.</p>
    </Empty>
  </PageFrame>
)

render(<Console />, document.getElementById('console')!)
