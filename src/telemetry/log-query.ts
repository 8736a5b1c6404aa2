// Which log lines a client asks for. A filter looks at the line's text as it was written, JSON and all.
import { Type } from '@sinclair/typebox'
import { invalid } from '../http/problem.ts'
import { OTHERS_IGNORED } from '../http/validation.ts'
import { matcherOf } from './log-match.ts'
import { positionIn } from './log-positions.ts'

export type LogQuery = {
  limit: number
  /** Sequences: older than `before`, newer than `after`. */
  before?: number
  after?: number
  /** Whether the line is one of those asked for; undefined: all are. */
  match?: (line: string) => boolean
  /** Whether `match` takes more than a look. */
  costly: boolean
  /** What `match` was made of, to ask another replica for the same. */
  filters: Record<string, string>
}

type Query = Record<string, string | undefined>

const FILTERS = ['level', 'request_id', 'own', 'filter', 'not', 'regex', 'not_regex'] as const
const MAX_LINES = 200

export const LogFilters = Type.Object(
  {
    limit: Type.Optional(Type.String({ description: `At most ${MAX_LINES}. A download takes all.`, default: '100' })),
    filter: Type.Optional(Type.String({ description: 'A part of the line, in any case.' })),
    not: Type.Optional(Type.String({ description: 'No part of the line, in any case.' })),
    regex: Type.Optional(Type.String({ description: 'A pattern found in the line, in RE2’s syntax: `(?i)` for any case.' })),
    not_regex: Type.Optional(Type.String({ description: 'A pattern not found in the line.' })),
    level: Type.Optional(Type.String({ description: 'Exactly this level: info, warn, error, …' })),
    request_id: Type.Optional(Type.String({ description: 'Lines of one request.' })),
    own: Type.Optional(Type.String({ description: '0: without the requests that the console itself makes.' })),
    before: Type.Optional(Type.String({ description: 'Lines older than this sequence.' })),
    after: Type.Optional(
      Type.String({ description: 'Lines newer than this sequence; without `before`, those next to it. -1: the oldest.' }),
    ),
    replica: Type.Optional(Type.String({ description: '`all`, or the id of a replica. Unset: this one.' })),
    format: Type.Optional(Type.String({ description: '`ndjson`: a file with one line’s JSON a line, oldest first.' })),
  },
  OTHERS_IGNORED,
)

/** Throws a 400 that names the parameter. `self` is the replica of which `after` may tell the position; `maxLines` what `limit` is clamped to. */
export function readLogQuery(query: Query, self: string, maxLines = MAX_LINES): LogQuery {
  return {
    limit: limitOf(query.limit, maxLines),
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
  if (!/^\d{1,15}$/.test(text) && !(field === 'after' && text === '-1')) throw invalid(field, 'must be the sequence of a line')
  return Number(text)
}

function limitOf(text: string | undefined, max: number): number {
  const limit = Math.floor(Number(text))
  return text === undefined || Number.isNaN(limit) ? Math.min(100, max) : Math.min(Math.max(limit, 1), max)
}
