// Text that was typed and not sent. It outlives its form, so that another page, a reload or the end of the session loses nothing.
import { useEffect, useState } from 'preact/hooks'

type Values = Record<string, unknown>

const STORED = 'waypost:drafts'
const MOST = 20

const drafts = new Map<string, Values>(read())
/** The forms that are on the page now. */
const shown = new Set<string>()

/**
 * The values of the form `name`; `empty` are those of an untouched form. Returns the values, a function that changes some, and one that discards
 * them: call it after a save or a cancel.
 */
export function useDraft<T extends Values>(
  name: string,
  empty: T,
): [values: T, change: (part: Partial<T>) => void, clear: () => void] {
  const [values, setValues] = useState<T>(() => ({ ...empty, ...(drafts.get(name) as Partial<T>) }))
  useEffect(() => {
    shown.add(name)
    return () => void shown.delete(name)
  }, [name])
  const set = (next: T) => {
    setValues(next)
    drafts.delete(name)
    if (Object.keys(next).some((key) => next[key] !== empty[key])) drafts.set(name, next)
    if (drafts.size > MOST) drafts.delete(drafts.keys().next().value!)
    store()
  }
  return [values, (part) => set({ ...values, ...part }), () => set(empty)]
}

/** Whether any form has unsaved text. */
export const hasDrafts = () => drafts.size > 0

/** Discards all drafts; with `hidden` only those of forms that are not on the page, because somebody else has signed in. */
export function forgetDrafts({ hidden = false } = {}) {
  for (const name of [...drafts.keys()]) if (!hidden || !shown.has(name)) drafts.delete(name)
  store()
}

addEventListener('beforeunload', (event) => {
  if (hasDrafts()) event.preventDefault()
})

function store() {
  try {
    if (drafts.size === 0) sessionStorage.removeItem(STORED)
    else sessionStorage.setItem(STORED, JSON.stringify([...drafts]))
  } catch {
    // storage is blocked: the drafts last as long as the page
  }
}

function read(): [string, Values][] {
  try {
    const kept = JSON.parse(sessionStorage.getItem(STORED) ?? '[]')
    return Array.isArray(kept) ? kept : []
  } catch {
    return []
  }
}
