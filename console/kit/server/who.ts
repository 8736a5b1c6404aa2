// Asks who is signed in, and signs out.
import type { Caller } from '../../../src/access/sessions/schema.ts'
import { forgetDrafts } from '../browser/drafts.ts'
import { call } from './api.ts'
import { session } from './session.ts'
import { retryStreams } from './stream.ts'

/** Asks the server who is signed in, and updates the page. */
export async function askSession(): Promise<Caller> {
  const before = session.caller
  const { data, headers } = await call<Caller>('GET', '/api/session')
  const there = Date.parse(headers.get('Date') ?? '')
  if (before && data.by !== 'nobody' && (before.scope !== data.scope || before.key?.id !== data.key?.id))
    forgetDrafts({ hidden: true })
  const again = session.refused
  session.enter(data, Number.isNaN(there) ? 0 : Date.now() - there)
  if (again && !session.refused) retryStreams()
  return data
}

/** After signing out. */
export function leave() {
  forgetDrafts()
  session.leave()
  session.tellOthers()
  retryStreams() // open streams would continue as the user who left
}
