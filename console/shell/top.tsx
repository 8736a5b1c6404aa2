import { Mark } from '../parts/icons.tsx'
import { call } from '../server/api.ts'
import { session, useSession } from '../server/session.ts'
import { type State, useServerState } from '../server/state.ts'

/** The line that never leaves: which server this is, and whether all is well. */
export function Top() {
  const state = useServerState()
  const { caller } = useSession()
  return (
    <header class="top">
      <a class="name" href="/console">
        <Mark />
        Waypost
      </a>
      {state.version && <span class="version figure">{state.version}</span>}
      {state.host && <span class="host">{state.host}</span>}
      <Condition {...state} />
      <nav>
        <a href="/swagger">API</a>
        {caller?.by === 'session' && (
          <button type="button" class="link-button" title={caller.key?.name ?? 'admin token'} onClick={signOut}>
            Sign out
          </button>
        )}
      </nav>
    </header>
  )
}

const signOut = () => call('DELETE', '/api/session').then(session.refuse, () => {})

const SIGNS = { good: '●', warn: '▲', bad: '■', unknown: '○' }

function Condition({ tone, word, reason }: State) {
  return (
    <span class={`condition ${tone}`} role="status" title={reason}>
      <span class="sign" aria-hidden="true">
        {SIGNS[tone]}
      </span>
      {word}
      {reason && <span class="reason">{reason}</span>}
    </span>
  )
}
