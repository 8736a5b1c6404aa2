// What the caller may do. The server decides; the console does not offer what it would refuse.
import type { Caller } from '../../../src/access/sessions/schema.ts'
import { isBound, RANKS, type Scope } from '../../../src/base/scope.ts'
import { session } from './session.ts'

/** True until the caller is known: the server decides. A key that is bound to a user or a tag may do less than its scope allows. */
export function may(scope: 'read' | 'write' | 'admin', { bound = false } = {}, caller: Caller | undefined = session.offered) {
  if (!caller) return true
  return (RANKS[caller.scope as Scope] ?? 0) >= RANKS[scope] && (bound || !isBound(caller))
}
