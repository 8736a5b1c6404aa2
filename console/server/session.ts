// Who this browser is to the server. The session itself is a cookie that no script can read.
import { useEffect, useState } from 'preact/hooks'
import type { Caller } from '../../src/sessions/schema.ts'

const listeners = new Set<() => void>()

export const session = {
  /** Who the server says that we are; undefined before it said so. */
  caller: undefined as Caller | undefined,
  /** The server knows us by no session, or not any more. */
  refused: false,
  /** Not to ask for a sign-in now: what is on the page is shown this once. */
  held: false,

  enter(caller: Caller) {
    session.caller = caller
    session.refused = caller.by === 'nobody'
    tell()
  },
  refuse() {
    if (session.refused || session.held) return
    session.caller = undefined
    session.refused = true
    tell()
  },
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

function tell() {
  for (const listener of listeners) listener()
}
