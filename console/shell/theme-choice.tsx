import { setTheme, THEMES, type Theme, useTheme } from '../kit/browser/theme.ts'
import { Choice } from '../kit/parts/choice.tsx'
import { Moon, Sun, System } from '../kit/parts/icons.tsx'

const WORDS: Record<Theme, string> = { system: 'System', light: 'Light', dark: 'Dark' }
const SIGNS = { system: System, light: Sun, dark: Moon }

/** Each press selects the next of the three. */
export function ThemeButton() {
  const current = useTheme()
  const next = THEMES[(THEMES.indexOf(current) + 1) % THEMES.length]!
  const Sign = SIGNS[current]
  const text = `Theme: ${WORDS[current].toLowerCase()}. Change to ${WORDS[next].toLowerCase()}`
  return (
    <button type="button" class="quiet-button" aria-label={text} title={text} onClick={() => setTheme(next)}>
      <Sign />
    </button>
  )
}

export function ThemeChoice() {
  const current = useTheme()
  return (
    <Choice label="Theme" value={current} change={setTheme} options={THEMES.map((value) => ({ value, word: WORDS[value] }))} />
  )
}
