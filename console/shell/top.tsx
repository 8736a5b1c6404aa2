import { useEffect, useRef } from 'preact/hooks'
import { Mark, Search } from '../parts/icons.tsx'
import { State } from '../parts/state.tsx'
import { ALL, useLive } from '../server/live.ts'
import { may } from '../server/scope.ts'
import { useSession } from '../server/session.ts'
import { useServerState } from '../server/state.ts'
import { Banner } from './banner.tsx'
import { conditionOf, fleetOf, noticesOf } from './condition.ts'
import { signOut } from './sign-out.ts'
import { ThemeButton } from './theme-choice.tsx'

/** What never leaves the window: which fleet this is, whether all is well, and why not. */
export function Top({ find }: { find: () => void }) {
  const { caller, refused } = useSession()
  const server = useServerState()
  const maySee = !refused && caller !== undefined && may('read', {}, caller)
  const { live, stream } = useLive(maySee ? ALL : undefined)
  const condition = conditionOf(server, live, stream.phase)
  const head = useHeight()
  return (
    <header class="head" ref={head}>
      <div class="top">
        <a class="name" href="/console" aria-label="Waypost">
          <Mark />
          <span>Waypost</span>
        </a>
        <div class="fleet" title={`Answered by ${server.host}, version ${server.version}`}>
          <b>{location.host}</b>
          <span class="how-many">{live?.replicas ? fleetOf(live.replicas) : server.version}</span>
        </div>
        <div role="status">
          <State tone={condition.tone} title={condition.reason}>
            {condition.word}
          </State>
        </div>
        {caller?.mode === 'open' && (
          <span class="tag" title="Nobody signs in: everybody on this machine may do everything. Set ADMIN_TOKEN to change that.">
            open
          </span>
        )}
        <nav aria-label="Tools">
          {!refused && (
            <button type="button" class="finder" onClick={find} aria-keyshortcuts="Control+K">
              <Search />
              <span>Find</span>
              <kbd>Ctrl K</kbd>
            </button>
          )}
          <ThemeButton />
          <a class="api" href="/swagger">
            API
          </a>
          {caller?.by === 'session' && (
            <button
              type="button"
              class="link-button"
              title={`Signed in with ${caller.key?.name ?? 'the admin token'}`}
              onClick={signOut}
            >
              Sign out
            </button>
          )}
        </nav>
      </div>
      <Banner notices={noticesOf(server, live, stream)} retry={stream.retry} />
    </header>
  )
}

/** Sticky headers stop below this one, however high its banner. */
function useHeight() {
  const element = useRef<HTMLElement>(null)
  useEffect(() => {
    const observer = new ResizeObserver(() =>
      document.documentElement.style.setProperty('--top', `${element.current!.offsetHeight}px`),
    )
    observer.observe(element.current!)
    return () => observer.disconnect()
  }, [])
  return element
}
