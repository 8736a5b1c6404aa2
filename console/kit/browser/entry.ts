// What one entry of the browser's history remembers: its scroll position and its rows. Going back restores both.

type Entry = { scroll: number; held: Map<string, unknown> }

const MOST = 50 // entries; a page of rows is some 20 kB
const PATIENCE = 30_000 // ms that a page may take to reach its former height: rows of a slow server take 8 s and more
const STORED = 'waypost:scroll'

const entries = new Map<string, Entry>()
let current = ''
let back = false
let stop = () => {}

const newKey = () => `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`

/** The state for a new entry of the history, or for the current one if it is replaced. */
export const stateOf = (replace: boolean) => ({ entry: replace && current ? current : newKey() })

/** Makes the browser's entry the current one. `shownBefore`: scrolls to its former position. */
export function enter(shownBefore: boolean) {
  stop()
  back = shownBefore
  const key = (history.state as { entry?: string } | null)?.entry
  if (key === undefined) {
    current = newKey()
    history.replaceState({ entry: current }, '')
  } else current = key
  const entry = entryOf(current)
  if (back) scrollWhenHigh(entry.scroll)
}

/** Whether the current entry was reached by going back, forward or a reload. */
export const cameBack = () => back

/** Saves the scroll position of the entry that is left. Call it before anything else is drawn. */
export const leave = () => {
  entryOf(current).scroll = scrollY
}

/** The value that this entry keeps under the name. */
export const kept = <T>(name: string): T | undefined => entries.get(current)?.held.get(name) as T | undefined

/** Keeps `value` for when the browser comes back to this entry. Each entry keeps its last three names. */
export function keep<T>(name: string, value: T): T {
  const { held } = entryOf(current)
  held.delete(name)
  held.set(name, value)
  if (held.size > 3) held.delete(held.keys().next().value!)
  return value
}

function entryOf(key: string): Entry {
  const entry = entries.get(key) ?? { scroll: 0, held: new Map() }
  entries.delete(key)
  entries.set(key, entry)
  if (entries.size > MOST) entries.delete(entries.keys().next().value!)
  return entry
}

/** Rows arrive later: waits for them, unless the reader scrolls first. */
function scrollWhenHigh(top: number) {
  const until = Date.now() + PATIENCE
  let over = false
  const end = () => {
    over = true
    for (const name of ['wheel', 'touchmove', 'keydown', 'mousedown']) removeEventListener(name, end)
  }
  for (const name of ['wheel', 'touchmove', 'keydown', 'mousedown']) addEventListener(name, end, { passive: true })
  stop = end
  const look = () => {
    if (over) return
    scrollTo({ top })
    if (Math.abs(scrollY - top) < 2 || Date.now() > until) return end()
    requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
}

history.scrollRestoration = 'manual'
try {
  const [key, scroll] = JSON.parse(sessionStorage.getItem(STORED) ?? '[]') as [string?, number?]
  if (key && scroll) entries.set(key, { scroll, held: new Map() })
} catch {
  // storage is blocked
}
enter(true) // a reloaded page keeps its position, too
addEventListener('pagehide', () => {
  leave()
  try {
    sessionStorage.setItem(STORED, JSON.stringify([current, entryOf(current).scroll]))
  } catch {
    // as above
  }
})
