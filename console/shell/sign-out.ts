import { hasDrafts } from '../kit/browser/drafts.ts'
import { confirm } from '../kit/parts/dialog.tsx'
import { toast } from '../kit/parts/toast.tsx'
import { sentence } from '../kit/parts/trouble.tsx'
import { asApiError, call } from '../kit/server/api.ts'
import { leave } from '../kit/server/who.ts'

/** Signs this browser out, and discards drafts. */
export async function signOut() {
  const title = 'Sign out and discard unsaved text?'
  if (hasDrafts() && !(await confirm({ title, text: 'A form has unsaved text.', action: 'Sign out', danger: true }))) return
  try {
    await call('DELETE', '/api/session')
    leave()
  } catch (error) {
    toast({ text: `You are still signed in: ${sentence(asApiError(error))}`, tone: 'bad' })
  }
}
