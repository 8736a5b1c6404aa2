import { useEffect, useState } from 'preact/hooks'
import { Countdown } from '../kit/parts/time.tsx'
import { useSession } from '../kit/server/session.ts'
import { askSession } from '../kit/server/who.ts'
import { SignInAgain } from './sign-in.tsx'

const WARN = 5 * 60_000
const LONGEST_TIMER = 2 ** 31 - 1

/** Warns five minutes before the session ends. Afterwards, shows a sign-in on top of the page. */
export function SessionEnd() {
  const { refused, endsAt } = useSession()
  const [near, setNear] = useState(false)
  const [asked, setAsked] = useState(false)
  useEffect(() => {
    setNear(endsAt - Date.now() <= WARN)
    const after = (ms: number, work: () => void) => setTimeout(work, Math.min(Math.max(0, ms), LONGEST_TIMER))
    if (!Number.isFinite(endsAt)) return
    const warn = after(endsAt - WARN - Date.now(), () => setNear(endsAt - Date.now() <= WARN))
    const end = after(endsAt - Date.now() + 1_000, () => void askSession().catch(() => {})) // the next request would notice, too
    return () => {
      clearTimeout(warn)
      clearTimeout(end)
    }
  }, [endsAt])
  if (refused) return <SignInAgain />
  if (asked) return <SignInAgain close={() => setAsked(false)} />
  if (!near || !Number.isFinite(endsAt)) return null
  return (
    <p class="session-end" role="status">
      <span class="sign warn" aria-hidden="true">
        ▲
      </span>
      <span>
        Your session ends in{' '}
        <span aria-live="off">
          <Countdown until={new Date(endsAt).toISOString()} over="a moment" />
        </span>
        .
      </span>
      <button type="button" class="link-button" onClick={() => setAsked(true)}>
        Sign in again
      </button>
    </p>
  )
}
