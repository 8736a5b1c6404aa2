import { render } from 'preact'
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import type { Caller } from '../src/sessions/schema.ts'
import { Questions } from './parts/dialog.tsx'
import { Empty } from './parts/empty.tsx'
import { PageFrame } from './parts/page.tsx'
import { Toasts } from './parts/toast.tsx'
import { call } from './server/api.ts'
import { session, useSession } from './server/session.ts'
import { Help } from './shell/help.tsx'
import { useJumps } from './shell/jumps.ts'
import { pageAt } from './shell/pages.ts'
import { Palette } from './shell/palette.tsx'
import { Rail, useAllowed } from './shell/rail.tsx'
import { followLinks, useRoute } from './shell/route.ts'
import { SignIn } from './shell/sign-in.tsx'
import { Top } from './shell/top.tsx'

const ASK_AGAIN = 3_000

function Console() {
  const { refused } = useSession()
  const [asked, setAsked] = useState(false)
  const [over, setOver] = useState<'palette' | 'help'>()
  const find = useCallback(() => setOver('palette'), [])
  const help = useCallback(() => setOver('help'), [])
  const close = useCallback(() => setOver(undefined), [])
  useEffect(() => {
    // Without an answer the page says what is wrong, and tries again.
    let timer: ReturnType<typeof setTimeout> | undefined
    const ask = () =>
      call<Caller>('GET', '/api/session')
        .then(({ data }) => session.enter(data))
        .catch(() => {
          timer = setTimeout(ask, ASK_AGAIN)
        })
        .finally(() => setAsked(true))
    void ask()
    return () => clearTimeout(timer)
  }, [])
  return (
    <>
      <a class="skip" href="#main">
        To the content
      </a>
      <Top find={find} />
      {asked && (refused ? <SignIn /> : <Pages find={find} help={help} />)}
      {over === 'palette' && !refused && <Palette close={close} help={help} />}
      {over === 'help' && <Help close={close} />}
      <Questions />
      <Toasts />
    </>
  )
}

function Pages({ find, help }: { find: () => void; help: () => void }) {
  const { path } = useRoute()
  const allowed = useAllowed()
  const asked = pageAt(path)
  const page = path === '' && asked && !allowed.includes(asked) ? allowed[0] : asked // the first page is not everybody's
  const jumping = useJumps(allowed, { find, help })
  const before = useRef(page)
  useEffect(() => {
    document.title = `${page?.title ?? 'No such page'} · Waypost`
    if (before.current === page) return
    before.current = page
    scrollTo({ top: 0 })
    document.querySelector<HTMLElement>('main')?.focus({ preventScroll: true }) // so that the new page is read from its beginning
  }, [page])
  useEffect(() => {
    document.addEventListener('click', followLinks)
    return () => document.removeEventListener('click', followLinks)
  }, [])
  return (
    <div class="pages">
      <Rail current={page} jumping={jumping} />
      {page ? <page.component key={page.path} /> : <Nowhere />}
    </div>
  )
}

const Nowhere = () => (
  <PageFrame title="No such page">
    <Empty title="There is nothing at this address">
      <p>Choose a page at the left, or press Ctrl K to find one.</p>
    </Empty>
  </PageFrame>
)

render(<Console />, document.getElementById('console')!)
