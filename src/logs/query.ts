// The query of GET /logs. Filters apply to the JSON text of a line.
import { Type } from '@sinclair/typebox'
import { invalid } from '../base/problem.ts'
import { clamp } from '../http/page.ts'
import { OTHERS_IGNORED } from '../http/validation.ts'
import { matcherOf } from './match.ts'
import { positionIn } from './positions.ts'

export type LogQuery = {
  limit: number
  /** Sequences: older than `before`, newer than `after`. */
  before?: number
  after?: number
  /** Whether a line matches the filters; undefined: there are none. */
  match?: (line: string) => boolean
  /** Whether `match` evaluates regular expressions. */
  costly: boolean
  /** The parameters behind `match`, to send the same query to another replica. */
  filters: Record<string, string>
}

type Query = Record<string, string | undefined>

const FILTERS = ['level', 'request_id', 'own', 'filter', 'not', 'regex', 'not_regex'] as const
const MAX_LINES = 200
const DEFAULT_LINES = 100

export const LogFilters = Type.Object(
  {
    limit: Type.Optional(
      Type.String({ description: `At most ${MAX_LINES}. A download contains all lines.`, default: String(DEFAULT_LINES) }),
    ),
    filter: Type.Optional(Type.String({ description: 'Lines that contain this text, ignoring case.' })),
    not: Type.Optional(Type.String({ description: 'Lines that do not contain this text, ignoring case.' })),
    regex: Type.Optional(Type.String({ description: 'Lines that match this pattern, in RE2 syntax; `(?i)` ignores case.' })),
    not_regex: Type.Optional(Type.String({ description: 'Lines that do not match this pattern.' })),
    level: Type.Optional(Type.String({ description: 'Lines of exactly this level: info, warn, error, …' })),
    request_id: Type.Optional(Type.String({ description: 'Lines of one request.' })),
    own: Type.Optional(Type.String({ description: '0: hides requests made by the console itself.' })),
    before: Type.Optional(Type.String({ description: 'Lines older than this sequence.' })),
    after: Type.Optional(
      Type.String({
        description: 'Lines newer than this sequence; without `before`, those that follow it directly. -1: the oldest.',
      }),
    ),
    replica: Type.Optional(Type.String({ description: '`all`, or the id of a replica. Unset: this one.' })),
    format: Type.Optional(Type.String({ description: '`ndjson`: a file with one JSON object per line, oldest first.' })),
  },
  OTHERS_IGNORED,
)

/**
 * Throws a 400 that names the parameter. `self`: the replica whose position is taken from `after`; `maxLines`: the upper bound of
 * `limit`.
 */
export function readLogQuery(query: Query, self: string, maxLines = MAX_LINES): LogQuery {
  return {
    limit: clamp(query.limit, Math.min(DEFAULT_LINES, maxLines), maxLines),
    before: sequenceOf(query, 'before'),
    after: positionIn(query.after, self) ?? sequenceOf(query, 'after'),
    match: matcherOf(query),
    costly: Boolean(query.regex || query.not_regex),
    filters: Object.fromEntries(FILTERS.flatMap((name) => (query[name] ? [[name, query[name]]] : []))),
  }
}

function sequenceOf(query: Query, field: string): number | undefined {
  const text = query[field]
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text) && !(field === 'after' && text === '-1'))
    throw invalid(field, 'must be the sequence number of a line')
  return Number(text)
}
