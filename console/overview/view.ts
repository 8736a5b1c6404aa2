// The view of the overview, as the address has it: the period, the replica, the zoom, and the panels shown as tables.

import { go, useRoute } from '../kit/browser/route.ts'
import { ALL } from '../kit/server/live.ts'

export const WINDOWS = [
  { value: '60', word: '1 min' },
  { value: '300', word: '5 min' },
  { value: '900', word: '15 min' },
  { value: '3600', word: '1 h' },
  { value: '21600', word: '6 h' },
  { value: '86400', word: '24 h' },
] as const

const USUAL = '900'

export type View = {
  window: number
  replica: string
  /** The zoom, in seconds since 1970. */
  span: [number, number] | undefined
  /** The panels shown as tables. */
  tables: string[]
}

export function useView(): { view: View; change: (part: Partial<View>) => void } {
  const { query } = useRoute()
  const [from, to] = [Number(query.get('from')), Number(query.get('to'))]
  const asked = Number(query.get('window') ?? USUAL)
  const view: View = {
    window: asked >= 60 && asked <= 86_400 ? Math.floor(asked) : Number(USUAL),
    replica: query.get('replica') ?? ALL,
    span: from > 0 && to > from ? [from, to] : undefined,
    tables: query.get('tables')?.split(',').filter(Boolean) ?? [],
  }
  const change = (part: Partial<View>) => {
    const { window, replica, span, tables } = { ...view, ...part }
    go(
      '',
      {
        window: String(window) === USUAL ? undefined : String(window),
        replica: replica === ALL ? undefined : replica,
        from: span && String(Math.floor(span[0])),
        to: span && String(Math.ceil(span[1])),
        tables: tables.join(',') || undefined,
      },
      { replace: part.span !== undefined || part.tables !== undefined },
    )
  }
  return { view, change }
}
