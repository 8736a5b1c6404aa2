// Whether a line is one of those asked for.
import { RE2JS } from 're2js'
import { invalid } from '../http/problem.ts'
import { flagFilter, textFilter } from '../http/validation.ts'
import type { LogLevel } from './logs.ts'

type Condition = (line: string) => boolean

const LEVELS: LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']
const MAX_PATTERN = 200
const MAX_INSTRUCTIONS = 500
const LOOKED_AT = 8_192 // characters of a line that a pattern sees at most
const STEPS = 500_000 // instructions times characters: 55 ms by the worst pattern and line that were found

/** Undefined where all lines are. Throws a 400 that names the parameter. */
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
  return conditions.length > 0 ? (line) => conditions.every((holds) => holds(line)) : undefined
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

function textCondition(text: string | undefined, wanted: boolean): Condition[] {
  if (!text) return []
  const part = text.toLowerCase()
  return [(line) => line.toLowerCase().includes(part) === wanted]
}

/**
 * RE2 takes time in proportion to the pattern's instructions and the line's characters, whatever they are, and both are bounded. A backtracking
 * engine can be stopped for minutes by eight characters.
 */
function patternCondition(field: string, pattern: string | undefined, wanted: boolean): Condition[] {
  if (!pattern) return []
  if (pattern.length > MAX_PATTERN) throw invalid(field, `must have at most ${MAX_PATTERN} characters`)
  const compiled = compile(field, pattern)
  const size = compiled.programSize()
  if (size > MAX_INSTRUCTIONS)
    throw invalid(field, `is too large a pattern: it takes ${size} instructions, and may take ${MAX_INSTRUCTIONS}`)
  const seen = Math.min(LOOKED_AT, Math.floor(STEPS / size))
  return [(line) => compiled.test(line.length > seen ? line.slice(0, seen) : line) === wanted]
}

function compile(field: string, pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern)
  } catch (error) {
    const reason = (error as Error).message.replace(/^error parsing regexp: |: `.*$/gs, '')
    throw invalid(field, `is no pattern in RE2’s syntax, which has no look-around and no back-references: ${reason}`)
  }
}
