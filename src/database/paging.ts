import type { PendingQuery, Row } from 'postgres'
import type { Page } from '../http/page.ts'
import type { Sql } from './guard.ts'

/** The end of a list's select, after its `where`: the rows of `page`, by the column `id`. */
export function pageOf(sql: Sql, { after, offset, size, descending }: Page, id: PendingQuery<Row[]> = sql`id`) {
  const from = after === undefined ? sql`` : descending ? sql`and ${id} < ${after}` : sql`and ${id} > ${after}`
  return sql`${from} order by ${id} ${descending ? sql`desc` : sql``} limit ${size} offset ${offset}`
}
