import { useEffect, useRef, useState } from 'preact/hooks'
import type { Link } from '../../src/links/schema.ts'
import { Failure, Field } from '../parts/field.tsx'
import { call } from '../server/api.ts'
import { useAttempt } from '../server/attempt.ts'
import { completed, faultsOf } from './draft.ts'

/** Changes target and title of a link where it stands. */
export function EditLink({ link, saved, close }: { link: Link; saved: (link: Link) => void; close: () => void }) {
  const [target, setTarget] = useState(link.original_url)
  const [title, setTitle] = useState(link.title ?? '')
  const { busy, run, faultOf, failure, clear } = useAttempt()
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => field.current?.focus(), [])

  const faults = faultsOf({ target, code: '', title })
  const change = {
    ...(completed(target) !== link.original_url && { original_url: completed(target) }),
    ...(title.trim() !== (link.title ?? '') && { title: title.trim() || null }),
  }
  const save = async (event: Event) => {
    event.preventDefault()
    if (faults.target || faults.title || busy) return
    if (Object.keys(change).length === 0) return close()
    const worked = await run(async () => saved((await call<Link>('PATCH', `/urls/${link.id}`, { body: change })).data))
    if (worked) close()
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
        label="Leads to"
        input={field}
        inputMode="url"
        value={target}
        change={(text) => {
          clear()
          setTarget(text)
        }}
        fault={faults.target ?? faultOf('original_url', 'this address')}
      />
      <Field label="Title" value={title} change={setTitle} prose fault={faults.title ?? faultOf('title', 'the title')} />
      <span class="buttons">
        <button type="submit" class="button main" disabled={busy || Boolean(faults.target || faults.title)}>
          Save
        </button>
        <button type="button" class="button" onClick={close}>
          Cancel
        </button>
      </span>
      <Failure>{failure(['original_url', 'title'])}</Failure>
    </form>
  )
}
