// The orders of a list of links besides that of their ids: names for clients, and the SQL of each.
import { Type } from '@sinclair/typebox'
import { invalid } from '../base/problem.ts'
import { readTime } from '../base/time.ts'

/** Titles that begin with the same 60 characters are in order of id. */
const TITLE = 60

type Part = {
  /** The tables to read; `u` is the link. */
  from: string
  where: string
  /** The value and the id, in the order of an index. */
  keys: [value: string, id: string]
}

type Sort = {
  /** The type of the value, in SQL. */
  type: string
  /** The value of `u` and its totals `t`; null for links without one. */
  value: string
  /** The place of links without a value: before all values, or after all in either direction. */
  missing: 'lowest' | 'last'
  accepts: (value: unknown) => boolean
  /** How an index finds those with a value, and those without. */
  present: Part
  absent?: Part
}

const isTime = (value: unknown) => typeof value === 'string' && readTime(value) !== undefined
const links = (where: string, value: string): Part => ({ from: 'urls u', where, keys: [value, 'u.id'] })
const totals = (value: string, where: string): Part => ({
  from: 'link_totals t join urls u on u.id = t.url_id',
  where: `t.listed and ${where}`,
  keys: [value, 't.url_id'],
})
const titled = `left(uncased(u.title), ${TITLE}) collate "C"`

export const SORTS = {
  clicks: {
    type: 'bigint',
    value: 'nullif(t.clicks, 0)',
    missing: 'lowest',
    accepts: (value) => value === null || Number.isSafeInteger(value),
    present: totals('t.clicks', 't.clicks > 0'),
    absent: links('not exists (select from link_totals t where t.url_id = u.id and t.clicks > 0)', 'null::bigint'),
  },
  last_click: {
    type: 'timestamptz',
    value: 't.last_click',
    missing: 'lowest',
    accepts: (value) => value === null || isTime(value),
    present: totals('t.last_click', 't.last_click is not null'),
    absent: links(
      'not exists (select from link_totals t where t.url_id = u.id and t.last_click is not null)',
      'null::timestamptz',
    ),
  },
  title: {
    type: 'text',
    value: titled,
    missing: 'last',
    accepts: (value) => value === null || (typeof value === 'string' && value.length <= 3 * TITLE),
    present: links(`${titled} is not null`, titled),
    absent: links(`${titled} is null`, titled),
  },
  created: {
    type: 'timestamptz',
    value: 'u.created_at',
    missing: 'last',
    accepts: isTime,
    present: links('true', 'u.created_at'),
  },
} as const satisfies Record<string, Sort>

export type SortName = keyof typeof SORTS

export const sortOf = (name: SortName): Sort => SORTS[name]

const NAMES = [...Object.keys(SORTS), 'relevance']

/** The query parameter. */
export const SortParameter = {
  sort: Type.Optional(
    Type.String({
      description: `${NAMES.join(', ')}. Default: by id. Links that were never clicked come first in ascending order; links without a title come last in either. title ignores case, and looks at the first ${TITLE} characters. relevance needs \`q\`: an exact code comes first, then codes that begin with it, titles, targets; \`order\` applies to links of equal relevance. It ranks at most 5,000 links, the newest if the index cannot find all matches: X-Total-Exact is then false. It is paged by \`page\`, and has no X-Next-Cursor.`,
    }),
  ),
}

/** The order that a query asks for; undefined: by id. 400 for an unknown one, and for relevance without `q` or with a cursor. */
export function readSort({ sort, q, cursor }: Record<string, string | undefined>): SortName | 'relevance' | undefined {
  if (sort !== undefined && !NAMES.includes(sort)) throw invalid('sort', `must be one of ${NAMES.join(', ')}`)
  if (sort === 'relevance' && !q?.trim()) throw invalid('sort', 'can be relevance only with q')
  if (sort === 'relevance' && cursor !== undefined) throw invalid('cursor', 'has no meaning with sort=relevance: use page')
  return sort as SortName | 'relevance' | undefined
}
