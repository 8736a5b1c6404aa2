// Keyboard shortcuts of a page, and their texts in the help.
import { useEffect, useRef } from 'preact/hooks'

type Keys = Record<string, () => void>

/** The shortcuts that work now, for the help. */
export const known = new Map<object, Record<string, string>>()

/**
 * Shortcuts of one key. They do nothing while somebody types, holds a modifier, or a dialog is open. `words` are their texts in the help (`?`):
 * `useKeys({ n: start }, { n: 'New link' })`.
 */
export function useKeys(keys: Keys, words?: Record<string, string>) {
  const latest = useRef(keys)
  latest.current = keys
  useEffect(() => {
    const listener = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event) || jump.pending) return
      if (document.querySelector('dialog[open]')) return
      const action = latest.current[event.key]
      if (!action) return
      event.preventDefault()
      action()
    }
    document.addEventListener('keydown', listener)
    const owner = {}
    if (words) known.set(owner, words)
    return () => {
      document.removeEventListener('keydown', listener)
      known.delete(owner)
    }
  }, [])
}

/** True after `g`: the next letter chooses a page, and nothing else. */
export const jump = { pending: false }

export const typing = ({ target }: KeyboardEvent) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || target.matches('input:not([type=radio], [type=checkbox]), textarea, select'))
