// Matches log lines against the filters of a query.
import { RE2JS } from 're2js'
import { invalid } from '../base/problem.ts'
import { flagFilter, textFilter } from '../http/validation.ts'
import type { LogLevel } from '../telemetry/logs.ts'

type Condition = (line: string) => boolean

const LEVELS: LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']
const MAX_PATTERN = 200
const MAX_INSTRUCTIONS = 500
const MAX_SEARCHED = 8_192 // characters of a line that a pattern is applied to at most
const STEPS = 500_000 // instructions times characters: 55 ms with the worst pattern and line that we found

/** Undefined if all lines match. Throws a 400 that names the parameter. */
export function matcherOf(query: Record<string, string | undefined>): Condition | undefined {
  const conditions = [
    ...levelCondition(query.level),
    ...requestCondition(query.request_id),
    ...(flagFilter(query, 'own') === false ? [(line: string) => !line.includes('"console":true')] : []),
    ...textCondition(textFilter(query, 'filter'), true),
    ...textCondition(textFilter(query, 'not'), false),
    ...patternCondition('regex', query.regex, true),
    ...patternCondition('not_regex', query.not_regex, false),
  ]
  return conditions.length > 0 ? (line) => conditions.every((matches) => matches(line)) : undefined
}

function levelCondition(text: string | undefined): Condition[] {
  if (!text) return []
  const name = text.toLowerCase() === 'warning' ? 'warn' : text.toLowerCase()
  if (!LEVELS.some((known) => known === name)) throw invalid('level', `must be one of ${LEVELS.join(', ')}`)
  return [(line) => line.startsWith(`{"level":"${name}"`)]
}

function requestCondition(id: string | undefined): Condition[] {
  if (!id) return []
  if (!/^[A-Za-z0-9._:-]{1,64}$/.test(id)) throw invalid('request_id', 'must be the id of a request')
  return [(line) => line.includes(`"request_id":"${id}"`)]
}

function textCondition(text: string | undefined, expected: boolean): Condition[] {
  if (!text) return []
  const part = text.toLowerCase()
  return [(line) => line.toLowerCase().includes(part) === expected]
}

/**
 * RE2 always takes time proportional to the pattern's instructions and the line's characters, and both are bounded. In a backtracking
 * engine, a pattern of eight characters can take minutes.
 */
function patternCondition(field: string, pattern: string | undefined, expected: boolean): Condition[] {
  if (!pattern) return []
  if (pattern.length > MAX_PATTERN) throw invalid(field, `must have at most ${MAX_PATTERN} characters`)
  const compiled = compile(field, pattern)
  const size = compiled.programSize()
  if (size > MAX_INSTRUCTIONS)
    throw invalid(field, `is too complex: it compiles to ${size} instructions, and the limit is ${MAX_INSTRUCTIONS}`)
  const seen = Math.min(MAX_SEARCHED, Math.floor(STEPS / size))
  return [(line) => compiled.test(line.length > seen ? line.slice(0, seen) : line) === expected]
}

function compile(field: string, pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern)
  } catch (error) {
    const reason = (error as Error).message.replace(/^error parsing regexp: |: `.*$/gs, '')
    throw invalid(field, `must be a pattern in RE2 syntax, which has no look-around and no back-references: ${reason}`)
  }
}
