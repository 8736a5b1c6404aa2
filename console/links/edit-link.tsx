import { useEffect, useRef } from 'preact/hooks'
import type { Link } from '../../src/links/schema.ts'
import { useDraft } from '../kit/browser/drafts.ts'
import { useAttempt } from '../kit/parts/attempt.ts'
import { Failure, Field } from '../kit/parts/field.tsx'
import { TagField, tagsIn } from '../kit/parts/tags.tsx'
import { call } from '../kit/server/api.ts'
import { completed, faultsOf } from './draft.ts'

/** Changes target and title of a link, in place. Escape closes it; the draft is there when it is opened again. */
export function EditLink({ link, saved, close }: { link: Link; saved: (link: Link) => void; close: () => void }) {
  const [{ target, title, tags }, type, forget] = useDraft(`link ${link.id}`, {
    target: link.original_url,
    title: link.title ?? '',
    tags: link.tags.join(),
  })
  const { busy, run, faultOf, failure, clear } = useAttempt()
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => field.current?.focus(), [])

  const faults = faultsOf({ target, code: '', title, tags })
  const change = {
    ...(completed(target) !== link.original_url && { original_url: completed(target) }),
    ...(title.trim() !== (link.title ?? '') && { title: title.trim() || null }),
    ...(tags !== link.tags.join() && { tags: tagsIn(tags) }),
  }
  const cancel = () => {
    forget()
    close()
  }
  const save = async (event: Event) => {
    event.preventDefault()
    if (Object.keys(faults).length > 0 || busy) return
    if (Object.keys(change).length === 0) return cancel()
    const worked = await run(async () => saved((await call<Link>('PATCH', `/urls/${link.id}`, { body: change })).data))
    if (worked) cancel()
  }

  return (
    <form
      class="edit-link"
      aria-label={`Edit ${link.short_code}`}
      onSubmit={save}
      onKeyDown={(event) => event.key === 'Escape' && close()}
      noValidate
    >
      <Field
        label="Target"
        input={field}
        inputMode="url"
        value={target}
        change={(text) => {
          clear()
          type({ target: text })
        }}
        fault={faults.target ?? faultOf('original_url', 'this address')}
      />
      <Field
        label="Title"
        value={title}
        change={(text) => type({ title: text })}
        prose
        fault={faults.title ?? faultOf('title', 'the title')}
      />
      <TagField
        label="Tags"
        value={tags}
        change={(tags) => {
          clear()
          type({ tags })
        }}
        fault={faults.tags ?? faultOf('tags', 'a link’s tags')}
      />
      <span class="buttons">
        <button type="submit" class="button main" disabled={busy || Object.keys(faults).length > 0}>
          Save
        </button>
        <button type="button" class="button" onClick={cancel}>
          Cancel
        </button>
      </span>
      <Failure>{failure(['original_url', 'title', 'tags'])}</Failure>
    </form>
  )
}
