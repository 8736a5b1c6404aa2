import { render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Caller } from '../src/sessions/schema.ts'
import { Links } from './links/links.tsx'
import { call } from './server/api.ts'
import { session, useSession } from './server/session.ts'
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
      {asked && (refused ? <SignIn /> : <Links />)}
    </>
  )
}

render(<Console />, document.getElementById('console')!)
