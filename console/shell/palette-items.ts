// The results of the palette: pages, actions, and links by code, target or title.
import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Link, Suggestion } from '../../src/links/schema.ts'
import { go } from '../kit/browser/route.ts'
import { setTheme, THEMES } from '../kit/browser/theme.ts'
import { Enter, Moon, Search } from '../kit/parts/icons.tsx'
import { call } from '../kit/server/api.ts'
import { may } from '../kit/server/scope.ts'
import { useSession } from '../kit/server/session.ts'
import { similarTo } from '../links/similar.tsx'
import * as icons from './page-icons.tsx'
import { useAllowed } from './rail.tsx'
import { signOut } from './sign-out.ts'

export type Item = {
  id: string
  group: 'Pages' | 'Actions' | 'Links'
  word: string
  about?: string
  keys?: string[]
  icon: ComponentType
  run: () => void
}

const PAUSE = 120
const LINKS = 8

/** Functions that open the dialogs of the shell. */
export type Ways = { help: () => void; anywhere: () => void }

/** The items that match `text`, by group; `searching` while links are loading. */
export function useItems(text: string, { help, anywhere }: Ways): { items: Item[]; searching: boolean } {
  const allowed = useAllowed()
  const { caller } = useSession()
  const { links, similar, searching } = useLinks(text.trim())
  const pages = allowed.map(
    ({ path, title, key, icon }): Item => ({
      id: `page-${path}`,
      group: 'Pages',
      word: title,
      keys: ['g', key],
      icon,
      run: () => go(path),
    }),
  )
  const actions: Item[] = [
    ...(may('write', { bound: true })
      ? [
          act('new-link', 'New link', icons.Links, () => go('links/new')),
          act('anywhere', 'Add links from anywhere: bookmarklet, address bar, phone', icons.Links, anywhere),
        ]
      : []),
    ...THEMES.map((theme) => act(`theme-${theme}`, `Theme: ${theme}`, Moon, () => setTheme(theme))),
    act('help', 'Keyboard shortcuts', icons.About, help),
    act('print', 'Print this page', icons.Logs, () => setTimeout(print)),
    act('api', 'API documentation', icons.Config, () => location.assign('/swagger')),
    ...(caller?.by === 'session' ? [act('sign-out', 'Sign out', Enter, signOut)] : []),
  ]
  const words = text.trim().toLowerCase().split(/\s+/)
  const fits = ({ word }: Item) => words.every((part) => word.toLowerCase().includes(part))
  const found: Item[] = links.map((link) => ({
    id: `link-${link.id}`,
    group: 'Links',
    word: link.short_code,
    about: [link.title, link.original_url.replace(/^https?:\/\//, '')].filter(Boolean).join(' · '),
    icon: icons.Links,
    run: () => go(`links/${link.id}`),
  }))
  const search = (q: string, id: string, word: string): Item => ({
    id,
    group: 'Links',
    word,
    icon: Search,
    run: () => go('links', { q }),
  })
  const more: Item[] = [
    ...similar.map((q, at) => search(q, `similar-${at}`, `Did you mean “${q}”?`)),
    ...(text.trim() ? [search(text.trim(), 'all-links', `Search links for “${text.trim()}”`)] : []),
  ]
  return { items: [...pages.filter(fits), ...actions.filter(fits), ...found, ...more], searching }
}

const act = (id: string, word: string, icon: ComponentType, run: () => void): Item => ({ id, group: 'Actions', word, icon, run })

/** The best links for the text. If no link matches, suggests `similar` searches. */
function useLinks(text: string) {
  const [{ links, similar }, set] = useState<{ links: Link[]; similar: string[] }>(NOTHING)
  const [searching, setSearching] = useState(false)
  useEffect(() => {
    if (!text) {
      set(NOTHING)
      return setSearching(false)
    }
    setSearching(true)
    const running = new AbortController()
    const timer = setTimeout(async () => {
      try {
        const { signal } = running
        const query = new URLSearchParams({ q: text, sort: 'relevance', order: 'desc', per_page: String(LINKS) })
        const { data: links } = await call<Link[]>('GET', `/urls?${query}`, { signal })
        const similar =
          links.length > 0 ? [] : (await call<Suggestion[]>('GET', similarTo({ q: text }), { signal })).data.map(({ q }) => q)
        set({ links, similar })
      } catch {
        if (running.signal.aborted) return
        set(NOTHING) // pages and actions stay; the page of links shows the error
      }
      setSearching(false)
    }, PAUSE)
    return () => {
      clearTimeout(timer)
      running.abort()
    }
  }, [text])
  return { links, similar, searching }
}

const NOTHING = { links: [], similar: [] }
