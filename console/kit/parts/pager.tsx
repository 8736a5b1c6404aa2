import { useRef } from 'preact/hooks'
import type { List, Place } from '../server/list.ts'
import { count } from './figures.ts'
import { Back, Forward } from './icons.tsx'

type Props = {
  list: List<unknown>
  go: (place: Place) => void
  /** The second one, below the rows. */
  below?: boolean
}

/** Buttons to the pages around this one. `go` gets the place for the address. */
export function Pager({ list, go, below = false }: Props) {
  // While rows are loading the buttons stay in place, so that one can be pressed again.
  const last = useRef(list)
  if (list.rows) last.current = list
  const { rows, newer, older, numbered } = last.current
  const [first, back, next] = numbered ? ['First', 'Previous', 'Next'] : ['Newest', 'Newer', 'Older']
  if (!rows || (!newer && !older)) return null
  const turn = (place: Place | undefined) => list.rows && place && go(place)
  return (
    <nav class="pager" aria-label={below ? 'More rows, below the table' : 'More rows'}>
      <button type="button" class="link-button" disabled={!newer} onClick={() => turn({})}>
        {first}
      </button>
      <button type="button" class="quiet-button" aria-label={back} title={back} disabled={!newer} onClick={() => turn(newer)}>
        <Back />
      </button>
      <button type="button" class="quiet-button" aria-label={next} title={next} disabled={!older} onClick={() => turn(older)}>
        <Forward />
      </button>
    </nav>
  )
}

/** "12,345", or "more than 10,000" if the server stopped counting. */
export const totalOf = ({ rows, total, exact }: List<unknown>) => (rows ? `${exact ? '' : 'more than '}${count(total)}` : '–')
