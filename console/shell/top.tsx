import { useEffect, useRef } from 'preact/hooks'
import { Mark, Search } from '../kit/parts/icons.tsx'
import { State } from '../kit/parts/state.tsx'
import { setConnection } from '../kit/server/connection.ts'
import { ALL, nows, useLive } from '../kit/server/live.ts'
import { fleetOf } from '../kit/server/replicas.ts'
import { may } from '../kit/server/scope.ts'
import { useSession } from '../kit/server/session.ts'
import { useServerState } from '../kit/server/state.ts'
import { Banner } from './banner.tsx'
import { bannerOf, conditionOf } from './condition.ts'
import { signOut } from './sign-out.ts'
import { ThemeButton } from './theme-choice.tsx'

/** Always visible: which fleet this is, its condition, and current problems. */
export function Top({ find }: { find: () => void }) {
  const { caller, refused } = useSession()
  const maySee = !refused && caller !== undefined && may('read', {}, caller)
  const server = useServerState(!maySee)
  const { live, stream } = useLive(maySee ? ALL : undefined)
  const condition = conditionOf(server, maySee ? live : undefined, stream)
  const hears = maySee ? stream.phase !== 'cut' && stream.phase !== 'silent' : !server.unreachable
  const databases =
    live && maySee ? nows(live).filter(({ now }) => now.database.state === 'up').length : Number(server.tone === 'good')
  useEffect(() => setConnection(hears, databases), [hears, databases])
  const head = useHeight()
  return (
    <header class="head" ref={head}>
      <div class="top">
        <a class="name" href="/console" aria-label="Waypost">
          <Mark />
          <span>Waypost</span>
        </a>
        <div class="fleet" title={`Connected to ${server.host}, version ${server.version}`}>
          <b>{location.host}</b>
          <span class="how-many">{live?.replicas ? fleetOf(live.replicas) : server.version}</span>
        </div>
        <div role="status">
          <State tone={condition.tone} title={condition.reason}>
            {condition.word}
          </State>
        </div>
        {caller?.mode === 'open' && (
          <span
            class="tag"
            title="There is no sign-in: everyone on this machine may do everything. Set ADMIN_TOKEN to change that."
          >
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
      <Banner lines={bannerOf(server, live, stream)} retry={stream.retry} />
    </header>
  )
}

/** Sticky headers stop below this one, whatever the height of its banner. */
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
