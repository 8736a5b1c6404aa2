import type { Fragment, Sql } from './guard.ts'

/** Rows by id: after `after` if a cursor was given, else from `offset`. */
export type Page = { number: number; size: number; offset: number; after: number | undefined; descending: boolean }

/** A row's place in another order: its value there, and its id among those with the same value. */
export type Place = { value: string | number | null; id: number }

/** Rows in another order: after `place` if a cursor was given. */
export type SortedPage = Omit<Page, 'after'> & { place: Place | undefined }

export type Total = { count: number; exact: boolean }

/** The end of a list's select, after its `where`: the rows of `page`, ordered by the column `id`. */
export function pageOf(sql: Sql, page: Page, id: Fragment = sql`id`) {
  return sql`${orderOf(sql, page, id)} ${extentOf(sql, page)}`
}

/** The same without a limit: from the page's cursor on. */
export function orderOf(sql: Sql, { after, descending }: Page, id: Fragment = sql`id`) {
  const from = after === undefined ? sql`` : descending ? sql`and ${id} < ${after}` : sql`and ${id} > ${after}`
  return sql`${from} order by ${id} ${descending ? sql`desc` : sql``}`
}

/**
 * The size as text: with a parameter for it, PostgreSQL plans again for each request. There are at most 100 sizes; each offset as text would be
 * another prepared statement on each connection.
 */
export function extentOf(sql: Sql, { size, offset }: Pick<Page, 'size' | 'offset'>) {
  return sql`limit ${sql.unsafe(String(Math.trunc(size)))} ${offset === 0 ? sql`` : sql`offset ${offset}`}`
}

/** A limit that leaves the rows up to the end of a page, and perhaps some more: few different texts, from which PostgreSQL can plan. */
export function limitUpTo(sql: Sql, { size, offset }: Pick<Page, 'size' | 'offset'>) {
  return sql`limit ${sql.unsafe(String(offset === 0 ? Math.trunc(size) : 2 ** Math.ceil(Math.log2(offset + size))))}`
}
