import type { ComponentChildren } from 'preact'
import { Fragment } from 'preact'

export type Column<Row> = {
  /** The class of its cells, `.table .name`: give it a width there. */
  name: string
  title: string
  /** Aligned right, tabular numerals. */
  figure?: boolean
  /** Its title is only for those who hear it. */
  silent?: boolean
  /** Instead of the title: a box to tick them all. */
  head?: ComponentChildren
  cell: (row: Row) => ComponentChildren
}

type Props<Row> = {
  /** What it is a table of, for those who hear it. */
  label: string
  columns: Column<Row>[]
  /** Undefined until the first answer: then the places of `blank` rows. */
  rows: Row[] | undefined
  keyOf: (row: Row) => string | number
  /** Instead of the table, where there is no row. */
  empty?: ComponentChildren
  /** The rows are old: of a view before this one, or the server does not answer. */
  dimmed?: boolean
  /** A row below a row: its detail, in place. */
  detail?: (row: Row) => ComponentChildren
  rowClass?: (row: Row) => string
  blank?: number
  /** To give its columns their widths. */
  class?: string
}

/** A table whose header stays in sight; where it is narrow each row becomes a block of its cells, named by their column. */
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
  class: name = '',
}: Props<Row>) {
  if (rows?.length === 0 && empty) return <>{empty}</>
  const classOf = ({ name, figure }: Column<Row>) => (figure ? `${name} figure end` : name)
  return (
    <table class={`table ${name}${dimmed ? ' dimmed' : ''}`} aria-label={label} aria-busy={rows === undefined}>
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column.name} scope="col" class={classOf(column)}>
              {column.head ? column.head : column.silent ? <span class="unseen">{column.title}</span> : column.title}
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
