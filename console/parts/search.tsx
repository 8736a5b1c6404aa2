import type { RefObject } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Search } from './icons.tsx'

type Props = {
  value: string
  /** Called when the typing pauses, and at Enter. */
  change: (value: string) => void
  field?: RefObject<HTMLInputElement | null>
  label: string
  placeholder: string
}

const PAUSE = 200

/** A field to search in; the page gives it the key `/`. Escape empties it, then leaves it. */
export function SearchField({ value, change, field, label, placeholder }: Props) {
  const [text, setText] = useState(value)
  const said = useRef(value)
  const say = () => {
    if (text.trim() === value) return
    said.current = text.trim()
    change(said.current)
  }
  useEffect(() => {
    if (value !== said.current) setText(value) // not while somebody types on: only where it was changed elsewhere
    said.current = value
  }, [value])
  useEffect(() => {
    const timer = setTimeout(say, PAUSE)
    return () => clearTimeout(timer)
  }, [text])
  return (
    <label class="search">
      <Search />
      <input
        ref={field}
        type="search"
        value={text}
        placeholder={placeholder}
        aria-label={label}
        aria-keyshortcuts="/"
        autocomplete="off"
        spellcheck={false}
        maxLength={500}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') say()
          if (event.key !== 'Escape') return
          if (text) setText('')
          else event.currentTarget.blur()
        }}
      />
      <kbd>/</kbd>
    </label>
  )
}
