import type { List, Place } from '../server/list.ts'
import { count } from './figures.ts'
import { Back, Forward } from './icons.tsx'

type Props = {
  list: List<{ id: number }>
  go: (place: Place) => void
  /** It is the second, below the rows. */
  below?: boolean
}

/** How many there are, and the way to those before and after. `go` gets the place as the address is to say it. */
export function Pager({ list, go, below = false }: Props) {
  const { rows, newer, older } = list
  if (!rows || (!newer && !older)) return null
  return (
    <nav class="pager" aria-label={below ? 'Other rows, once more' : 'Other rows'}>
      <button type="button" class="link-button" disabled={!newer} onClick={() => go({})}>
        Newest
      </button>
      <button
        type="button"
        class="quiet-button"
        aria-label="Newer"
        title="Newer"
        disabled={!newer || rows.length === 0}
        onClick={() => go({ before: String(rows[0]!.id) })}
      >
        <Back />
      </button>
      <button
        type="button"
        class="quiet-button"
        aria-label="Older"
        title="Older"
        disabled={!older || rows.length === 0}
        onClick={() => go({ after: String(rows.at(-1)!.id) })}
      >
        <Forward />
      </button>
    </nav>
  )
}

/** 12,345, or more than 10,000 where the server stopped counting. */
export const totalOf = ({ rows, total, exact }: List<unknown>) => (rows ? `${exact ? '' : 'more than '}${count(total)}` : '–')
