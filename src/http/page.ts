// Pagination: reads which rows the client asks for, and sets the headers. Bodies stay plain arrays.
import { type TObject, Type } from '@sinclair/typebox'
import { invalid } from '../base/problem.ts'
import type { Page, Place, SortedPage, Total } from '../database/paging.ts'
import { OTHERS_IGNORED } from './validation.ts'

type Query = Record<string, string | undefined>

const MAX_SIZE = 100
const DEFAULT_SIZE = 20
/** Proxies with small buffers, such as nginx by default, accept 4,096 bytes of headers, and the URLs of four pages repeat a long search four times. */
const LONGEST_LINK = 3_000
/** Keeps the offset a bigint, whatever the client sends. */
const MAX_PAGE = 10 ** 12

const pages = {
  page: Type.Optional(Type.String({ description: 'Page, from 1; clamped.', default: '1' })),
  per_page: Type.Optional(Type.String({ description: `Rows a page, 1 to ${MAX_SIZE}; clamped.`, default: String(DEFAULT_SIZE) })),
}

/** The query parameters of every list of rows with ids, for its schema. */
const pageParameters = {
  ...pages,
  cursor: Type.Optional(
    Type.String({ description: 'X-Next-Cursor of the previous answer: as fast at the end as at the start.' }),
  ),
  order: Type.Optional(Type.String({ description: 'asc or desc: the direction of `sort`, or of ids.', default: 'asc' })),
}

/** The schema of a list's query: pagination, and the resource's own `filters`. */
export const listQuery = <T extends TObject['properties']>(filters: T) =>
  Type.Object({ ...pageParameters, ...filters }, OTHERS_IGNORED)

/** The same for a list without ids. */
export const pageQuery = <T extends TObject['properties']>(filters: T) => Type.Object({ ...pages, ...filters }, OTHERS_IGNORED)

/** Clamps page and per_page; 400 for an invalid cursor. */
export function readPage(query: Query): Page {
  const { cursor } = query
  const after = cursor === undefined ? undefined : Number(cursor)
  if (after !== undefined && (!/^\d+$/.test(cursor!) || !Number.isSafeInteger(after))) throw unknownCursor()
  return { ...readExtent(query), after }
}

/** The same for a list in the order `sort`; `accepts` says whether a cursor's value may be one of this order. */
export function readSortedPage(query: Query, sort: string, accepts: (value: unknown) => boolean): SortedPage {
  const { cursor } = query
  return { ...readExtent(query), place: cursor === undefined ? undefined : placeOf(cursor, sort, accepts) }
}

function readExtent(query: Query) {
  const size = clamp(query.per_page, DEFAULT_SIZE, MAX_SIZE)
  const number = query.cursor === undefined ? clamp(query.page, 1, MAX_PAGE) : 1
  return { number, size, offset: (number - 1) * size, descending: isDescending(query.order) }
}

const unknownCursor = () => invalid('cursor', 'must be the X-Next-Cursor of a previous answer')

/** The cursor after a row of a list in the order `sort`: such as `clicks`, 12, 345. */
export const sortedCursor = (sort: string, { value, id }: Place) =>
  Buffer.from(JSON.stringify([sort, value, id])).toString('base64url')

function placeOf(cursor: string, sort: string, accepts: (value: unknown) => boolean): Place {
  try {
    const [of, value, id] = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (of === sort && Number.isSafeInteger(id) && accepts(value)) return { value, id }
  } catch {
    // not ours
  }
  throw unknownCursor()
}

type Shown = { size: number; number: number; after?: number; place?: Place }

/**
 * X-Total-Count, X-Total-Exact, X-Next-Cursor and, unless it is too long, Link for the page with `rows`. `cursor` is the one after the last
 * row, if that is not its id; rows without ids have none. null: there is no cursor.
 */
export function pageHeaders(
  url: string,
  page: Shown,
  rows: object[],
  total: Total,
  cursor: string | null | undefined = cursorAfter(rows.at(-1)),
): Record<string, string> {
  const headers: Record<string, string> = { 'X-Total-Count': String(total.count) }
  if (!total.exact) headers['X-Total-Exact'] = 'false'
  if (cursor != null && rows.length === page.size) headers['X-Next-Cursor'] = cursor
  const byCursor = page.after !== undefined || page.place !== undefined
  const links = byCursor ? '' : neighbours(url, page, rows.length, total)
  if (links && links.length <= LONGEST_LINK) headers.Link = links
  return headers
}

const cursorAfter = (row: { id?: number } | undefined) => (row?.id === undefined ? undefined : String(row.id))

function neighbours(url: string, { number, size }: Shown, rows: number, total: Total): string {
  const pages = Math.max(1, Math.ceil(total.count / size))
  const target = new URL(url)
  const { searchParams } = target
  const link = (page: number, rel: string) => {
    searchParams.set('page', String(page))
    searchParams.set('per_page', String(size)) // here, so that it follows `page`
    return `<${target.pathname}${target.search}>; rel="${rel}"`
  }
  const links = [link(1, 'first')]
  if (number > 1) links.push(link(Math.min(number - 1, total.exact ? pages : number - 1), 'prev'))
  if (total.exact ? number < pages : rows === size) links.push(link(number + 1, 'next'))
  if (total.exact) links.push(link(pages, 'last'))
  return links.join(', ')
}

function isDescending(order: string | undefined): boolean {
  const known = order?.toLowerCase()
  if (known !== undefined && known !== 'asc' && known !== 'desc') throw invalid('order', 'must be asc or desc')
  return known === 'desc'
}

/** A whole number from 1 to `max`; `byDefault` if the text is not a number. */
export function clamp(text: string | undefined, byDefault: number, max: number): number {
  const number = Number(text)
  if (text === undefined || !/^\s*[+-]?\d+(\.\d*)?(e\d+)?\s*$/i.test(text)) return byDefault
  return Math.min(Math.max(Math.floor(number), 1), max)
}
