// Short messages at the bottom about what was just done, with Undo where possible.
import { useEffect, useState } from 'preact/hooks'
import { useKeys } from '../browser/keys.ts'
import { Cross } from './icons.tsx'
import { Text } from './text.tsx'

type Toast = {
  text: string
  tone?: 'bad'
  /** Runs when Undo is pressed; `done` then never does. */
  undo?: () => void
  /** Runs when the toast disappears without Undo, also when the page is left. */
  done?: () => void
}
type Shown = Toast & { id: number; until: number }

const SHORT = 4_000
const LONG = 8_000 // to read it, think, and press Undo

let shown: Shown[] = []
let ids = 0
let changed = () => {}

/** `toast({text: 'Deleted abc', undo: restore, done: deleteOnServer})` */
export function toast(made: Toast) {
  const id = ++ids
  shown = [...shown, { ...made, id, until: Date.now() + (made.undo || made.tone ? LONG : SHORT) }]
  changed()
}

function end(one: Shown, way: 'undo' | 'done') {
  if (!shown.includes(one)) return
  shown = shown.filter((other) => other !== one)
  one[way]?.()
  changed()
}

/** Where toasts appear. There is one in the console. They stay while the pointer or the focus is on them. */
export function Toasts() {
  const [, render] = useState(0)
  const [held, setHeld] = useState(false)
  useEffect(() => {
    changed = () => render((count) => count + 1)
    const leave = () => shown.forEach((one) => end(one, 'done'))
    addEventListener('pagehide', leave)
    return () => removeEventListener('pagehide', leave)
  }, [])
  const running = shown.length > 0
  useEffect(() => {
    if (!running) return setHeld(false)
    const timer = setInterval(() => {
      if (held) for (const one of shown) one.until += 250
      else for (const one of shown) if (one.until < Date.now()) end(one, 'done')
    }, 250)
    return () => clearInterval(timer)
  }, [running, held])
  useKeys({
    z: () => {
      const last = shown.findLast(({ undo }) => undo)
      if (last) end(last, 'undo')
    },
  })
  return (
    <div
      class="toasts"
      role="status"
      aria-live="polite"
      onMouseEnter={() => setHeld(true)}
      onMouseLeave={() => setHeld(false)}
      onFocusCapture={() => setHeld(true)}
      onBlurCapture={() => setHeld(false)}
    >
      {shown.map((one) => (
        <div key={one.id} class={`toast ${one.tone ?? ''}`}>
          {one.tone && (
            <span class="sign" aria-hidden="true">
              ■
            </span>
          )}
          <span class="text">
            <Text of={one.text} />
          </span>
          {one.undo && (
            <button type="button" class="link-button" title="z" onClick={() => end(one, 'undo')}>
              Undo
            </button>
          )}
          <button type="button" class="quiet-button" aria-label="Close" onClick={() => end(one, 'done')}>
            <Cross />
          </button>
        </div>
      ))}
    </div>
  )
}
