import { Choice } from '../parts/choice.tsx'
import { Moon, Sun, System } from '../parts/icons.tsx'
import { setTheme, THEMES, type Theme, useTheme } from './theme.ts'

const WORDS: Record<Theme, string> = { system: 'As the system', light: 'Light', dark: 'Dark' }
const SIGNS = { system: System, light: Sun, dark: Moon }

/** One press goes on to the next of the three. */
export function ThemeButton() {
  const current = useTheme()
  const next = THEMES[(THEMES.indexOf(current) + 1) % THEMES.length]!
  const Sign = SIGNS[current]
  const said = `Colours: ${WORDS[current].toLowerCase()}. Change to ${WORDS[next].toLowerCase()}`
  return (
    <button type="button" class="quiet-button" aria-label={said} title={said} onClick={() => setTheme(next)}>
      <Sign />
    </button>
  )
}

export function ThemeChoice() {
  const current = useTheme()
  return (
    <Choice label="Colours" value={current} change={setTheme} options={THEMES.map((value) => ({ value, word: WORDS[value] }))} />
  )
}
