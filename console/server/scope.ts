// What the caller may do: the server decides, and the console does not offer what it would refuse.
import type { Caller } from '../../src/sessions/schema.ts'
import { session } from './session.ts'

const RANKS: Record<string, number> = { metrics: 1, read: 2, write: 3, admin: 4 }

/** True while nobody has said who we are: the server has the last word. A key that is bound to a user may less than its scope says. */
export function may(scope: 'read' | 'write' | 'admin', { bound = false } = {}, caller: Caller | undefined = session.caller) {
  if (!caller) return true
  return (RANKS[caller.scope] ?? 0) >= RANKS[scope]! && (bound || caller.user_id === null)
}
