// Shortcuts of the whole console: g and a letter opens a page, / the search, ? the help, Ctrl-K the palette.
import { useEffect, useRef, useState } from 'preact/hooks'
import { jump, typing } from '../kit/browser/keys.ts'
import { go } from '../kit/browser/route.ts'
import type { Page } from './pages.ts'

const PATIENCE = 1_500 // ms

/** Returns true while g waits for its letter. */
export function useJumps(pages: Page[], { find, help }: { find: () => void; help: () => void }): boolean {
  const [jumping, setJumping] = useState(false)
  const latest = useRef(pages)
  latest.current = pages
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const wait = (pending: boolean) => {
      clearTimeout(timer)
      jump.pending = pending
      setJumping(pending)
      if (pending) timer = setTimeout(() => wait(false), PATIENCE)
    }
    const listener = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'k') {
        event.preventDefault()
        return find()
      }
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event) || document.querySelector('dialog[open]')) return
      if (jump.pending) {
        if (event.key === 'Shift') return
        event.preventDefault()
        wait(false)
        const page = latest.current.find(({ key }) => key === event.key.toLowerCase())
        if (page) go(page.path)
      } else if (event.key === 'g') wait(true)
      else if (event.key === '?') {
        event.preventDefault()
        help()
      } else if (event.key === '/' && !event.defaultPrevented) {
        event.preventDefault()
        const field = document.querySelector<HTMLInputElement>('main input[type="search"]')
        if (!field) return find()
        field.focus()
        field.select()
      }
    }
    // Before the shortcuts of the pages, so that `g n` is not also `n`.
    document.addEventListener('keydown', listener, true)
    return () => {
      document.removeEventListener('keydown', listener, true)
      wait(false)
    }
  }, [find, help])
  return jumping
}
