import type { ComponentChildren } from 'preact'
import { Fragment } from 'preact'
import type { Sort } from '../server/list.ts'

export type Column<Row> = {
  /** The class of its cells, `.table .name`: give it a width there. */
  name: string
  title: string
  /** Aligned right, with tabular numerals. */
  figure?: boolean
  /** Its title is for screen readers only. */
  silent?: boolean
  /** The server's name of the order by this column: its title is a button. */
  sort?: string
  /** Instead of the title: a checkbox for all rows. */
  head?: ComponentChildren
  cell: (row: Row) => ComponentChildren
}

type Props<Row> = {
  /** What the table lists, for screen readers. */
  label: string
  columns: Column<Row>[]
  /** Undefined until the first answer: `blank` placeholder rows are shown. */
  rows: Row[] | undefined
  keyOf: (row: Row) => string | number
  /** Shown instead of a table without rows. */
  empty?: ComponentChildren
  /** The rows are old: of an earlier view, or the server does not answer. */
  dimmed?: boolean
  /** Details, in a row of their own below the row. */
  detail?: (row: Row) => ComponentChildren
  rowClass?: (row: Row) => string
  blank?: number
  /** The order of the rows; `sort` changes it to that by a column. */
  sorted?: Sort
  sort?: (by: string) => void
  /** For the widths of its columns. */
  class?: string
}

/** A table with a sticky header. On narrow screens each row becomes a block of labelled cells. */
export function Table<Row>({
  label,
  columns,
  rows,
  keyOf,
  empty,
  dimmed,
  detail,
  rowClass,
  blank = 8,
  sorted,
  sort,
  class: name = '',
}: Props<Row>) {
  if (rows?.length === 0 && empty) return <>{empty}</>
  const classOf = ({ name, figure }: Column<Row>) => (figure ? `${name} figure end` : name)
  return (
    <table class={`table ${name}${dimmed ? ' dimmed' : ''}`} aria-label={label} aria-busy={rows === undefined}>
      <thead>
        <tr>
          {columns.map((column) => (
            <th
              key={column.name}
              scope="col"
              class={classOf(column)}
              aria-sort={column.sort && column.sort === sorted?.by ? `${sorted.order}ending` : undefined}
            >
              {column.head ? (
                column.head
              ) : column.silent ? (
                <span class="unseen">{column.title}</span>
              ) : column.sort && sort ? (
                <button
                  type="button"
                  class="sort"
                  title={`Sort by ${column.title.toLowerCase()}`}
                  onClick={() => sort(column.sort!)}
                >
                  {column.title}
                </button>
              ) : (
                column.title
              )}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows
          ? rows.map((row) => {
              const below = detail?.(row)
              return (
                <Fragment key={keyOf(row)}>
                  <tr class={`${rowClass?.(row) ?? ''}${below ? ' open' : ''}`}>
                    {columns.map((column) => (
                      <td key={column.name} class={classOf(column)} data-title={column.silent ? undefined : column.title}>
                        {column.cell(row)}
                      </td>
                    ))}
                  </tr>
                  {below && (
                    <tr class="detail">
                      <td colSpan={columns.length}>{below}</td>
                    </tr>
                  )}
                </Fragment>
              )
            })
          : Array.from({ length: blank }, (_, row) => (
              <tr key={row} class="blank">
                {columns.map(({ name }) => (
                  <td key={name} class={name}>
                    <span />
                  </td>
                ))}
              </tr>
            ))}
      </tbody>
    </table>
  )
}
