import type { ComponentChildren } from 'preact'
import { useQuery } from '../browser/query.ts'
import type { List, Place } from '../server/list.ts'
import { PageFrame } from './page.tsx'
import { Pager, totalOf } from './pager.tsx'
import { Trouble } from './trouble.tsx'

type Props = {
  title: string
  list: List<unknown>
  reload: () => void
  /** Text after the count: "found". */
  note?: ComponentChildren
  /** Buttons to the right of the title. */
  actions?: ComponentChildren
  /** The form that creates a row. */
  make?: ComponentChildren
  filters?: ComponentChildren
  /** The rows. Hidden if there is only an error to show. */
  table: ComponentChildren
  /** Has a second pager below the rows. */
  long?: boolean
  /** Dialogs and overlays. */
  children?: ComponentChildren
}

/** A page with a list: the number of rows, a form, filters, and the rows, a page at a time. */
export function ListPage({ title, list, reload, note, actions, make, filters, table, long = false, children }: Props) {
  const { change } = useQuery()
  const { rows, error, retryAt } = list
  const turn = ({ after, before, page = 1 }: Place) => {
    change({ after, before, page: page > 1 ? String(page) : undefined, edit: undefined, open: undefined }, { step: true }) // the open row is not on the other page
    if (long) scrollTo({ top: 0 })
  }
  return (
    <PageFrame
      title={title}
      note={
        <span class="figure">
          {totalOf(list)}
          {note && <> {note}</>}
        </span>
      }
      actions={actions}
    >
      {make}
      <div class="toolbar">
        {filters}
        <Pager list={list} go={turn} />
      </div>
      {error && error.status !== 401 && <Trouble error={error} retryAt={retryAt} retry={reload} />}
      {(rows || !error) && table}
      {long && rows && rows.length > 20 && <Pager list={list} go={turn} below />}
      {children}
    </PageFrame>
  )
}

/** The props that every table of a list has. */
export const rowsOf = <Row extends { id: number }>({ rows, error }: List<Row>) => ({
  rows,
  keyOf: ({ id }: Row) => id,
  dimmed: error !== undefined,
})
