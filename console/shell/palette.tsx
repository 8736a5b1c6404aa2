import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Search } from '../kit/parts/icons.tsx'
import { Text } from '../kit/parts/text.tsx'
import { type Item, useItems, type Ways } from './palette-items.ts'

/** Ctrl-K: finds pages, links and actions by a part of their name; Enter opens the selected one. */
export function Palette({ close, ...ways }: { close: () => void } & Ways) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [text, setText] = useState('')
  const [place, setPlace] = useState(0)
  const { items, searching } = useItems(text, ways)
  const at = Math.min(place, items.length - 1)
  // Before the next key press: text typed right after Ctrl-K belongs here.
  useLayoutEffect(() => {
    const before = document.activeElement as HTMLElement | null
    dialog.current?.showModal()
    return () => before?.isConnected && before.focus()
  }, [])
  useEffect(() => {
    document.getElementById(idOf(items[at]))?.scrollIntoView({ block: 'nearest' })
  }, [at, items[at]?.id])

  const choose = (item: Item | undefined) => {
    if (!item) return
    close()
    setTimeout(item.run) // after the focus has been restored
  }
  const steer = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }
    const step = steps[event.key]
    if (step === undefined && event.key !== 'Enter') return
    event.preventDefault()
    if (step === undefined) choose(items[at])
    else if (Math.abs(step) === 1) setPlace((at + step + items.length) % Math.max(1, items.length))
    else setPlace(Math.max(0, Math.min(items.length - 1, at + step)))
  }

  return (
    <dialog
      ref={dialog}
      class="dialog palette"
      aria-label="Find"
      onCancel={(event) => {
        event.preventDefault()
        close()
      }}
      onMouseDown={(event) => event.target === event.currentTarget && close()}
    >
      <label class="search">
        <Search />
        <input
          role="combobox"
          aria-label="Find a page, a link or an action"
          aria-expanded={items.length > 0}
          aria-controls="found"
          aria-activedescendant={idOf(items[at])}
          autocomplete="off"
          spellcheck={false}
          placeholder="Find a page, a link or an action"
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value)
            setPlace(0)
          }}
          onKeyDown={steer}
        />
      </label>
      <div class="found" id="found" role="listbox" aria-label="Results" aria-busy={searching}>
        {(['Pages', 'Actions', 'Links'] as const).map((group) => {
          const members = items.filter((item) => item.group === group)
          if (members.length === 0) return null
          return (
            <fieldset key={group} aria-label={group}>
              <div class="group" aria-hidden="true">
                {group}
                {group === 'Links' && searching && ' …'}
              </div>
              {members.map((item) => (
                // biome-ignore lint/a11y/useKeyWithClickEvents: the field handles the keys
                <div
                  key={item.id}
                  id={idOf(item)}
                  role="option"
                  tabIndex={-1}
                  aria-selected={item === items[at]}
                  onMouseMove={() => setPlace(items.indexOf(item))}
                  onClick={() => choose(item)}
                >
                  <item.icon />
                  <span class="word">
                    <Text of={item.word} />
                  </span>
                  {item.about && (
                    <span class="about">
                      <Text of={item.about} />
                    </span>
                  )}
                  {item.keys && (
                    <span class="keys" aria-hidden="true">
                      {item.keys.map((key) => (
                        <kbd key={key}>{key}</kbd>
                      ))}
                    </span>
                  )}
                </div>
              ))}
            </fieldset>
          )
        })}
      </div>
    </dialog>
  )
}

const idOf = (item: Item | undefined) => (item ? `found-${item.id}` : undefined) as string
