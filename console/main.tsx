import { render } from 'preact'
import { Links } from './links.tsx'
import { useSession } from './session.ts'
import { SignIn } from './sign-in.tsx'
import { Top } from './top.tsx'

function Console() {
  const { refused } = useSession()
  return (
    <>
      <Top />
      {refused ? <SignIn /> : <Links />}
    </>
  )
}

render(<Console />, document.getElementById('console')!)
