// Tags: those of a link as links to all that have them, and the field that they are typed into.
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { visible } from '../../../src/base/visible.ts'
import type { Tag } from '../../../src/tags/schema.ts'
import { call } from '../server/api.ts'
import { Cross } from './icons.tsx'
import { Text } from './text.tsx'

const PAUSE = 150
const SUGGESTED = 8

/** Tags in one text: no tag contains a comma. */
export const tagsIn = (text: string) => text.split(',').filter((tag) => tag !== '')

export const sameTag = (a: string, b: string) => a.toLowerCase() === b.toLowerCase()

/** The tags of a row; each leads to the links that have it. */
export const Tags = ({ of }: { of: readonly string[] }) =>
  of.length > 0 ? (
    <span class="tags">
      {of.map((tag) => (
        <a
          key={tag}
          class="chip"
          href={`/console/links?${new URLSearchParams({ tag })}`}
          title={`Links with the tag ${visible(tag)}`}
        >
          <Text of={tag} />
        </a>
      ))}
    </span>
  ) : null

type Props = {
  label: string
  /** Separated by commas. */
  value: string
  change: (value: string) => void
  fault?: string
  placeholder?: string
  /** The label is for screen readers only, and there is no line for a fault: in a toolbar. */
  bare?: boolean
}

/** At a comma, at Enter and when the field is left, the text becomes a tag: a button that removes it. Suggests tags of other links. */
export function TagField({ label, value, change, fault, placeholder, bare = false }: Props) {
  const id = useId()
  const input = useRef<HTMLInputElement>(null)
  const [text, setText] = useState('')
  const tags = tagsIn(value)

  const add = (given: string) => {
    const all = [...tags]
    for (const tag of given.split(',')) {
      const tidy = tag.normalize('NFC').trim()
      if (tidy !== '' && !all.some((known) => sameTag(known, tidy))) all.push(tidy)
    }
    setText('')
    if (all.length > tags.length) change(all.join())
  }
  const remove = (tag: string) => {
    change(tags.filter((other) => other !== tag).join())
    input.current?.focus()
  }

  return (
    <div class={bare ? 'tag-field bare' : 'field tag-field'}>
      <label class={bare ? 'unseen' : 'label'} for={id}>
        {label}
      </label>
      <span class="tag-input">
        {tags.map((tag) => (
          <button key={tag} type="button" class="chip" aria-label={`Remove the tag ${visible(tag)}`} onClick={() => remove(tag)}>
            <Text of={tag} /> <Cross />
          </button>
        ))}
        <input
          id={id}
          ref={input}
          value={text}
          list={`${id}-known`}
          maxLength={64}
          placeholder={tags.length > 0 ? undefined : placeholder}
          autocomplete="off"
          spellcheck={false}
          aria-invalid={fault !== undefined}
          aria-describedby={`${id}-note`}
          onInput={(event) => {
            const { value } = event.currentTarget
            const chosen = (event as InputEvent).inputType === 'insertReplacementText'
            if (chosen || value.includes(',')) add(value)
            else setText(value)
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && text.trim() !== '') {
              event.preventDefault() // the next Enter sends the form
              add(text)
            } else if (event.key === 'Backspace' && text === '' && tags.length > 0) remove(tags.at(-1)!)
          }}
          onBlur={() => add(text)}
        />
      </span>
      <KnownTags id={`${id}-known`} text={text} but={tags} />
      {!bare && (
        <span id={`${id}-note`} class={fault ? 'fault' : 'hint'} aria-live="polite">
          {fault}
        </span>
      )}
    </div>
  )
}

type Known = { id: string; text: string; but?: string[] }

/** The suggestions of an input with this `list`: tags that contain its text, requested when typing pauses. */
export function KnownTags({ id, text, but = [] }: Known) {
  const [names, setNames] = useState<string[]>([])
  const part = text.trim()
  useEffect(() => {
    if (part === '') return setNames([])
    const running = new AbortController()
    const timer = setTimeout(async () => {
      const query = new URLSearchParams({ q: part, per_page: String(SUGGESTED) })
      const found = await call<Tag[]>('GET', `/api/tags?${query}`, { signal: running.signal }).catch(() => undefined)
      if (found) setNames(found.data.map(({ name }) => name))
    }, PAUSE)
    return () => {
      clearTimeout(timer)
      running.abort()
    }
  }, [part])
  return (
    <datalist id={id}>
      {names
        .filter((name) => !but.some((known) => sameTag(known, name)))
        .map((name) => (
          <option key={name} value={name} />
        ))}
    </datalist>
  )
}
