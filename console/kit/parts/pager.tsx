import { useRef } from 'preact/hooks'
import type { List, Place } from '../server/list.ts'
import { count } from './figures.ts'
import { Back, Forward } from './icons.tsx'

type Props = {
  list: List<{ id: number }>
  go: (place: Place) => void
  /** The second one, below the rows. */
  below?: boolean
}

/** Buttons to newer and older rows. `go` gets the place for the address. */
export function Pager({ list, go, below = false }: Props) {
  // While rows are loading the buttons stay in place, so that one can be pressed again.
  const last = useRef(list)
  if (list.rows) last.current = list
  const { rows, newer, older, page } = last.current
  const [first, back, next] = page ? ['First', 'Previous', 'Next'] : ['Newest', 'Newer', 'Older']
  if (!rows || (!newer && !older)) return null
  const turn = (place: Place) => list.rows && go(place)
  return (
    <nav class="pager" aria-label={below ? 'More rows, below the table' : 'More rows'}>
      <button type="button" class="link-button" disabled={!newer} onClick={() => turn({})}>
        {first}
      </button>
      <button
        type="button"
        class="quiet-button"
        aria-label={back}
        title={back}
        disabled={!newer || rows.length === 0}
        onClick={() => turn(page ? { page: page - 1 } : { before: String(rows[0]!.id) })}
      >
        <Back />
      </button>
      <button
        type="button"
        class="quiet-button"
        aria-label={next}
        title={next}
        disabled={!older || rows.length === 0}
        onClick={() => turn(page ? { page: page + 1 } : { after: String(rows.at(-1)!.id) })}
      >
        <Forward />
      </button>
    </nav>
  )
}

/** "12,345", or "more than 10,000" if the server stopped counting. */
export const totalOf = ({ rows, total, exact }: List<unknown>) => (rows ? `${exact ? '' : 'more than '}${count(total)}` : '–')
