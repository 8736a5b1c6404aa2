import type { ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Dots } from './icons.tsx'

type Item = { word: string; icon: ComponentChildren; act: () => void }

const HEIGHT = 180 // px, of the largest menu

/** Actions behind three dots. Arrows move, Escape closes and gives the focus back. */
export function Menu({ label, items }: { label: string; items: Item[] }) {
  const [open, setOpen] = useState<'up' | 'down' | undefined>()
  const place = useRef<HTMLSpanElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  const buttons = () => [...place.current!.querySelectorAll<HTMLElement>('[role=menuitem]')]

  useLayoutEffect(() => void (open && buttons()[0]?.focus()), [open])
  useEffect(() => {
    if (!open) return
    const leave = (event: Event) => !place.current?.contains(event.target as Node) && setOpen(undefined)
    document.addEventListener('pointerdown', leave)
    return () => document.removeEventListener('pointerdown', leave)
  }, [open])

  const move = (event: KeyboardEvent) => {
    const all = buttons()
    const at = all.indexOf(document.activeElement as HTMLElement)
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key]
    if (to !== undefined) all.at(to % all.length)?.focus()
    else if (event.key === 'Escape') button.current?.focus()
    else if (event.key !== 'Tab') return
    if (to === undefined) setOpen(undefined)
    if (event.key !== 'Tab') event.preventDefault()
    event.stopPropagation()
  }
  return (
    <span class="menu" ref={place}>
      <button
        ref={button}
        type="button"
        class="quiet-button"
        aria-label={label}
        title="More"
        aria-haspopup="menu"
        aria-expanded={open !== undefined}
        onClick={() => {
          const low = button.current!.getBoundingClientRect().bottom + HEIGHT > innerHeight
          setOpen(open ? undefined : low ? 'up' : 'down')
        }}
      >
        <Dots />
      </button>
      {open && (
        <div role="menu" aria-label={label} class={open} tabIndex={-1} onKeyDown={move}>
          {items.map(({ word, icon, act }) => (
            <button
              key={word}
              type="button"
              role="menuitem"
              tabIndex={-1}
              onClick={() => {
                setOpen(undefined)
                button.current?.focus()
                act()
              }}
            >
              {icon} {word}
            </button>
          ))}
        </div>
      )}
    </span>
  )
}
