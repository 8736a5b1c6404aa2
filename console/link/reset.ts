import type { Link } from '../../src/links/schema.ts'
import { confirm } from '../kit/parts/dialog.tsx'
import { count } from '../kit/parts/figures.ts'
import { toast } from '../kit/parts/toast.tsx'
import { sentence } from '../kit/parts/trouble.tsx'
import { asApiError, call } from '../kit/server/api.ts'

/** A link with millions of clicks takes its time. */
const DEADLINE = 120_000

/** Deletes the clicks of a link, after a question. Calls `done` once they are deleted. */
export async function resetClicks({ id, short_code, click_count }: Link, done: () => void) {
  const sure = await confirm({
    title: `Reset the clicks of ${short_code}?`,
    text: `Its ${count(click_count)} clicks, its statistics and its click events are deleted. This cannot be undone. A limit on clicks is not affected.`,
    action: 'Reset',
    danger: true,
  })
  if (!sure) return
  try {
    await call('DELETE', `/urls/${id}/clicks`, { deadline: DEADLINE })
    toast({ text: `Reset the clicks of ${short_code}` })
    done()
  } catch (error) {
    toast({ tone: 'bad', text: `The clicks of ${short_code} could not be reset: ${sentence(asApiError(error))}` })
  }
}
