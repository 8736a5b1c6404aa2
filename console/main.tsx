import { render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Caller } from '../src/sessions/schema.ts'
import { call } from './server/api.ts'
import { session, useSession } from './server/session.ts'
import { pageAt } from './shell/pages.ts'
import { Rail } from './shell/rail.tsx'
import { followLinks, useRoute } from './shell/route.ts'
import { SignIn } from './shell/sign-in.tsx'
import { Top } from './shell/top.tsx'

function Console() {
  const { refused } = useSession()
  const [asked, setAsked] = useState(false)
  useEffect(() => {
    // Without an answer the page says what is wrong, and tries again.
    call<Caller>('GET', '/api/session')
      .then(({ data }) => session.enter(data))
      .catch(() => {})
      .finally(() => setAsked(true))
  }, [])
  return (
    <>
      <Top />
      {asked && (refused ? <SignIn /> : <Pages />)}
    </>
  )
}

function Pages() {
  const { path } = useRoute()
  const page = pageAt(path)
  useEffect(() => {
    document.title = `${page.title} · Waypost`
  }, [page])
  useEffect(() => {
    document.addEventListener('click', followLinks)
    return () => document.removeEventListener('click', followLinks)
  }, [])
  return (
    <div class="pages">
      <Rail current={page} />
      <page.component key={page.path} />
    </div>
  )
}

render(<Console />, document.getElementById('console')!)
