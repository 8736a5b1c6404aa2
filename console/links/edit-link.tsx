import { useEffect, useRef } from 'preact/hooks'
import type { Link } from '../../src/links/schema.ts'
import { ownZone } from '../kit/browser/zone.ts'
import { Failure, Field } from '../kit/parts/field.tsx'
import { TagField } from '../kit/parts/tags.tsx'
import { call } from '../kit/server/api.ts'
import { draftOf } from './draft.ts'
import { useLinkForm } from './form.ts'
import { MoreFields } from './more-fields.tsx'

type Props = { link: Link; saved: (link: Link) => void; close: () => void; zone?: string }

/** Changes a link, in place. Escape closes the form and keeps the draft for the next time. */
export function EditLink({ link, saved, close, zone = ownZone }: Props) {
  const form = useLinkForm({
    name: `link ${link.id}`,
    before: draftOf(link),
    send: async (body) => saved((await call<Link>('PATCH', `/urls/${link.id}`, { body })).data),
  })
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => field.current?.focus(), [])
  const { draft, change, faultOf } = form
  return (
    <form
      class="edit-link"
      aria-label={`Edit ${link.short_code}`}
      onSubmit={async (event) => (await form.submit(event)) && close()}
      onKeyDown={(event) => event.key === 'Escape' && close()}
      noValidate
    >
      <Field
        label="Target"
        input={field}
        inputMode="url"
        value={draft.target}
        change={(target) => change({ target })}
        fault={faultOf('target')}
      />
      <Field label="Title" value={draft.title} change={(title) => change({ title })} prose fault={faultOf('title')} />
      <TagField label="Tags" value={draft.tags} change={(tags) => change({ tags })} fault={faultOf('tags')} />
      <span class="buttons">
        <button type="submit" class="button main" disabled={form.busy || form.faulty}>
          Save
        </button>
        <button
          type="button"
          class="button"
          onClick={() => {
            form.forget()
            close()
          }}
        >
          Cancel
        </button>
      </span>
      <MoreFields form={form} zone={zone} locked={link.password} />
      <Failure>{form.failure}</Failure>
    </form>
  )
}
