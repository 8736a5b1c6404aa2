// Light, dark, or as the system: kept in this browser. console/theme.js sets it before the first paint.
import { useEffect, useState } from 'preact/hooks'

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const KEY = 'waypost:theme'
const CHANGED = 'waypost:theme'

export function theme(): Theme {
  const set = document.documentElement.dataset.theme
  return set === 'light' || set === 'dark' ? set : 'system'
}

export function setTheme(next: Theme) {
  if (next === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = next
  try {
    if (next === 'system') localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, next)
  } catch {
    // storage is blocked: the choice lasts as long as the page
  }
  dispatchEvent(new Event(CHANGED))
}

/** The chosen theme. */
export const useTheme = (): Theme => useShade() && theme()

/** Light or dark, as shown. Renders again when that changes: here, in another tab, or in the system. */
export function useShade(): 'light' | 'dark' {
  const [, render] = useState(0)
  useEffect(() => {
    const listener = () => render((count) => count + 1)
    const dark = matchMedia('(prefers-color-scheme: dark)')
    const elsewhere = (event: StorageEvent) => {
      if (event.key === KEY) setTheme((event.newValue ?? 'system') as Theme)
    }
    addEventListener(CHANGED, listener)
    addEventListener('storage', elsewhere)
    dark.addEventListener('change', listener)
    return () => {
      removeEventListener(CHANGED, listener)
      removeEventListener('storage', elsewhere)
      dark.removeEventListener('change', listener)
    }
  }, [])
  const chosen = theme()
  return chosen === 'system' ? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light') : chosen
}
