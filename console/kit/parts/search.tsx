import type { RefObject } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Search } from './icons.tsx'

type Props = {
  value: string
  /** Called when typing pauses, and on Enter. */
  change: (value: string) => void
  field?: RefObject<HTMLInputElement | null>
  label: string
  placeholder: string
}

const PAUSE = 200

/** A search field. The page binds the key `/` to it. Escape clears it, then leaves it. */
export function SearchField({ value, change, field, label, placeholder }: Props) {
  const [text, setText] = useState(value)
  const sent = useRef(value)
  const send = () => {
    if (text.trim() === value) return
    sent.current = text.trim()
    change(sent.current)
  }
  useEffect(() => {
    if (value !== sent.current) setText(value) // only if it was changed elsewhere, so that typing is not overwritten
    sent.current = value
  }, [value])
  useEffect(() => {
    const timer = setTimeout(send, PAUSE)
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
          if (event.key === 'Enter') send()
          if (event.key !== 'Escape') return
          if (text) setText('')
          else event.currentTarget.blur()
        }}
      />
      <kbd>/</kbd>
    </label>
  )
}
