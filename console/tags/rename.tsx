import { useEffect, useRef, useState } from 'preact/hooks'
import { counted } from '../../src/base/counted.ts'
import { visible } from '../../src/base/visible.ts'
import type { Renamed, Tag } from '../../src/tags/schema.ts'
import { useAttempt } from '../kit/parts/attempt.ts'
import { confirm } from '../kit/parts/dialog.tsx'
import { Failure, Field } from '../kit/parts/field.tsx'
import { count } from '../kit/parts/figures.ts'
import { KnownTags, sameTag } from '../kit/parts/tags.tsx'
import { toast } from '../kit/parts/toast.tsx'
import { call } from '../kit/server/api.ts'

/** ms. The server changes 1,000 links at a time. */
export const LONG = 300_000

export const tagPath = (tag: string) => `/api/tags/${encodeURIComponent(tag)}`

/** Gives a tag another name. If other links have that one already, asks whether to merge them. */
export function RenameForm({ tag, renamed, close }: { tag: Tag; renamed: (name: string) => void; close: () => void }) {
  const [text, setText] = useState(tag.name)
  const { busy, run, faultOf, failure, clear } = useAttempt()
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => field.current?.select(), [])
  const name = text.trim()

  const save = async (event: Event) => {
    event.preventDefault()
    if (name === '' || busy) return
    if (name === tag.name) return close()
    const worked = await run(async () => {
      const found = await call<Tag[]>('GET', `/api/tags?${new URLSearchParams({ q: name, per_page: '100' })}`)
      const other = found.data.find((known) => sameTag(known.name, name) && !sameTag(known.name, tag.name))
      if (other && !(await confirmMerge(tag, other))) return
      const { data } = await call<Renamed>('PUT', tagPath(tag.name), { body: { name }, deadline: LONG })
      toast({ text: `Renamed ${tag.name} to ${name} on ${counted(data.links, 'link')}` })
      renamed(name)
    })
    if (!worked) field.current?.focus()
  }

  return (
    <form
      class="line-form"
      aria-label={`Rename ${visible(tag.name)}`}
      onSubmit={save}
      onKeyDown={(event) => event.key === 'Escape' && close()}
      noValidate
    >
      <Field
        label="New name"
        input={field}
        value={text}
        list="other-tags"
        maxLength={64}
        change={(text) => {
          clear()
          setText(text)
        }}
        fault={faultOf('name', 'the name')}
      />
      <KnownTags id="other-tags" text={text} but={[tag.name]} />
      <span class="buttons">
        <button type="submit" class="button main" disabled={busy || name === ''}>
          Rename
        </button>
        <button type="button" class="button" onClick={close}>
          Cancel
        </button>
      </span>
      <Failure>{failure(['name'])}</Failure>
    </form>
  )
}

const confirmMerge = (tag: Tag, other: Tag) =>
  confirm({
    title: `Merge ${tag.name} into ${other.name}?`,
    text: (
      <p>
        {count(other.links)} {other.links === 1 ? 'link has' : 'links have'} the tag {visible(other.name)} already. Both become
        one tag, which cannot be undone.
      </p>
    ),
    action: 'Merge',
  })
