import type { RefObject } from 'preact'
import { useState } from 'preact/hooks'
import type { Link } from '../../src/links/schema.ts'
import { ownZone } from '../kit/browser/zone.ts'
import { Failure, Field } from '../kit/parts/field.tsx'
import { TagField } from '../kit/parts/tags.tsx'
import { call } from '../kit/server/api.ts'
import { EMPTY, type Field as Name } from './draft.ts'
import { useLinkForm } from './form.ts'
import { Known } from './known.tsx'
import { Made } from './made.tsx'
import { MoreFields } from './more-fields.tsx'
import { useOffer } from './offer.ts'

/** The form for a new link; below it the link just created. `first` is the field that the key n focuses. */
export function NewLink({ first, created }: { first: RefObject<HTMLInputElement | null>; created: (link: Link) => void }) {
  const [made, setMade] = useState<Link>()
  const form = useLinkForm({
    name: 'new link',
    send: async (body) => {
      const { data } = await call<Link>('POST', '/urls', { body })
      setMade(data)
      created(data)
    },
  })

  useOffer(
    (offer) => {
      form.forget()
      form.change({ ...EMPTY, ...offer })
      form.leave('target', 'title')
      setMade(undefined)
    },
    () => first.current?.focus(),
  )

  const text = (field: Name, label: string, placeholder: string, extra: object = {}) => (
    <Field
      id={`new-${field}`}
      class={field}
      label={label}
      value={form.draft[field] as string}
      placeholder={placeholder}
      change={(value) => {
        form.change({ [field]: value })
        if (field === 'code' && value !== '') form.leave(field) // codes are checked while they are typed
      }}
      onBlur={() => form.draft[field] !== '' && form.leave(field)}
      fault={form.faultOf(field)}
      {...extra}
    />
  )
  return (
    <section class="new-link" aria-label="New link">
      <form onSubmit={form.submit} onInput={() => setMade(undefined)} noValidate>
        {text('target', 'New link to', 'https://example.com/a/long/address', {
          input: first,
          inputMode: 'url',
          'aria-keyshortcuts': 'n',
        })}
        {text('code', 'Code', 'automatic')}
        {text('title', 'Title', 'optional', { prose: true })}
        <TagField
          label="Tags"
          placeholder="optional"
          value={form.draft.tags}
          change={(tags) => form.change({ tags })}
          fault={form.faultOf('tags')}
        />
        <button type="submit" class="button main" disabled={form.busy}>
          Shorten
        </button>
        <MoreFields form={form} zone={ownZone} />
      </form>
      <Known target={form.draft.target} />
      <Failure>{form.failure}</Failure>
      {made && <Made link={made} close={() => setMade(undefined)} />}
    </section>
  )
}
