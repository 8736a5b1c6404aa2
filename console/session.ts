// The admin token, for as long as this tab lives.
import { useEffect, useState } from 'preact/hooks'

const KEY = 'waypost.token'
const listeners = new Set<() => void>()

export const session = {
  token: sessionStorage.getItem(KEY) ?? '',
  /** The server asked for a token, or did not take ours. */
  refused: false,

  enter(token: string) {
    session.token = token
    session.refused = false
    sessionStorage.setItem(KEY, token)
    tell()
  },
  leave() {
    sessionStorage.removeItem(KEY)
    session.token = ''
    session.refused = true
    tell()
  },
  refuse() {
    if (session.refused) return
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
