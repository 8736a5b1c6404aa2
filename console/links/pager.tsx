import { count } from '../parts/figures.ts'
import { Back, Forward } from '../parts/icons.tsx'
import { type List, PAGE_SIZE } from './list.ts'

/** Which rows these are, of how many, and the way to the next. */
export function Pager({ list, page, go }: { list: List; page: number; go: (page: number) => void }) {
  const { rows, total, exact, more } = list
  if (!rows || (rows.length === 0 && page === 1)) return null
  const first = (page - 1) * PAGE_SIZE + 1
  return (
    <nav class="pager figure" aria-label="Pages">
      <span>
        {rows.length > 0 && `${count(first)}–${count(first + rows.length - 1)} of `}
        {exact ? count(total) : `more than ${count(total)}`}
      </span>
      <button type="button" class="quiet-button" aria-label="Page before" disabled={page === 1} onClick={() => go(page - 1)}>
        <Back />
      </button>
      <button type="button" class="quiet-button" aria-label="Next page" disabled={!more} onClick={() => go(page + 1)}>
        <Forward />
      </button>
    </nav>
  )
}
