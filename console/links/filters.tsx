import type { RefObject } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Search } from '../parts/icons.tsx'
import type { Filter, View } from './address.ts'

const FILTERS: Filter[] = ['all', 'active', 'inactive']
const PAUSE = 200

type Props = { view: View; field: RefObject<HTMLInputElement | null>; change: (view: Partial<View>) => void }

export function Filters({ view, field, change }: Props) {
  const [text, setText] = useState(view.search)
  useEffect(() => setText(view.search), [view.search])
  useEffect(() => {
    if (text.trim() === view.search) return
    const timer = setTimeout(() => change({ search: text.trim() }), PAUSE)
    return () => clearTimeout(timer)
  }, [text])

  return (
    <search class="filters">
      <label class="search">
        <Search />
        <input
          ref={field}
          type="search"
          value={text}
          placeholder="Search code, target, title"
          aria-label="Search links"
          aria-keyshortcuts="/"
          autocomplete="off"
          spellcheck={false}
          maxLength={500}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Escape') return
            if (text) setText('')
            else event.currentTarget.blur()
          }}
        />
        <kbd>/</kbd>
      </label>
      <fieldset class="choice" aria-label="Show">
        {FILTERS.map((filter) => (
          <button key={filter} type="button" aria-pressed={view.filter === filter} onClick={() => change({ filter })}>
            {filter}
          </button>
        ))}
      </fieldset>
    </search>
  )
}
