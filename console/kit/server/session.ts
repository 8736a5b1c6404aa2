// Who is signed in. The session itself is a cookie that no script can read, shared by all windows.
import { useEffect, useState } from 'preact/hooks'
import type { Caller } from '../../../src/access/sessions/schema.ts'
import { recover } from './connection.ts'

const listeners = new Set<() => void>()
const others = typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel('waypost:session')

export const session = {
  /** Who is signed in, as the server says; after the end of the session, who was. Undefined before the first answer, and after signing out here. */
  caller: undefined as Caller | undefined,
  /** The page offers what this caller may do. If somebody else signs in on top of a page, this changes only with the next page. */
  offered: undefined as Caller | undefined,
  /** There is no session, or it has ended. */
  refused: false,
  /** Do not open the sign-in now: the page shows something that cannot be shown again. */
  held: false,
  /** When the session ends, by this browser's clock, in ms since 1970; Infinity if it does not. */
  endsAt: Number.POSITIVE_INFINITY,

  /** `skew`: how far this browser's clock is ahead of the server's, in ms. */
  enter(caller: Caller, skew = 0) {
    if (caller.by === 'nobody' && session.caller && session.caller.by !== 'nobody') return session.refuse()
    const another = session.caller !== undefined && nameOf(session.caller) !== nameOf(caller)
    session.caller = caller
    if (!session.offered || session.offered.by === 'nobody') session.offered = caller
    session.refused = caller.by === 'nobody'
    session.endsAt = caller.expires_at ? Date.parse(caller.expires_at) + skew : Number.POSITIVE_INFINITY
    tell()
    if (!session.refused) recover(another)
  },
  /** The session has ended: the page stays as it is, below the sign-in. */
  refuse() {
    if (session.refused || session.held) return
    session.refused = true
    session.endsAt = Number.POSITIVE_INFINITY
    tell()
  },
  /** Signed out here: nothing stays. */
  leave() {
    session.caller = undefined
    session.offered = undefined
    session.refused = true
    session.endsAt = Number.POSITIVE_INFINITY
    tell()
  },
  /** Another page is shown: it offers what the caller may do. */
  turn() {
    if (session.offered === session.caller) return
    session.offered = session.caller
    tell()
  },
  /** Lets the other windows ask again who is signed in. */
  tellOthers: () => others?.postMessage('changed'),
}

/** Calls `ask` after a sign-in or sign-out in another window of this browser. */
export function onSessionElsewhere(ask: () => void): () => void {
  others?.addEventListener('message', ask)
  return () => others?.removeEventListener('message', ask)
}

/** Renders again whenever the session changes. */
export function useSession() {
  const [, render] = useState(0)
  useEffect(() => {
    const listener = () => render((count) => count + 1)
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }, [])
  return session
}

const nameOf = ({ by, scope, key, user_id, only_tag }: Caller) => [by, scope, key?.id, user_id, only_tag].join()

function tell() {
  for (const listener of listeners) listener()
}
