// From what TypeBox says of a value to a sentence that names the field, and the parsers that schemas cannot be.
import { FormatRegistry, Type } from '@sinclair/typebox'
import type { ValueError } from '@sinclair/typebox/errors'
import { type Detail, invalid, notFound, Problem } from './problem.ts'

/** Path parameters of `/…/:id`. Digits; whether such an id exists is for `idOf`. */
export const IdParams = Type.Object({ id: Type.String({ format: 'id', description: 'A whole number.' }) })

/** Clients send whole objects back: fields that are unknown, or not theirs to set, are no error. */
export const OTHERS_IGNORED = { additionalProperties: true }

/** An id in a body. */
export const Id = Type.Integer({ minimum: 1 })

/** A text that is not only white space. */
export const filled = (maxLength: number, description?: string) =>
  Type.String({ minLength: 1, maxLength, format: 'filled', description })

/** A moment in UTC, `2025-09-19T22:25:05Z`. */
export const Time = Type.String({ description: 'ISO 8601, UTC.', examples: ['2025-09-19T22:25:05Z'] })

FormatRegistry.Set('id', (text) => /^\d+$/.test(text))
FormatRegistry.Set('filled', (text) => text.trim() !== '')
// One @, no spaces, a dot in the domain: what nobody's real address fails, and most slips do.
FormatRegistry.Set('address', (text) => /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/.test(text))

/** The id in a path. Beyond what a bigint column holds in JSON (2^53 - 1) there is no such row. */
export function idOf(text: string, what: string): number {
  const id = Number(text)
  if (!Number.isSafeInteger(id) || id < 1) throw notFound(what)
  return id
}

/** The id in a query parameter, or undefined where it is absent; one too large for any row is -1, which matches nothing. */
export function idFilter(query: Record<string, string | undefined>, field: string): number | undefined {
  const text = query[field]
  if (text === undefined) return undefined
  if (!/^\d+$/.test(text)) throw invalid(field, 'must be a whole number')
  const id = Number(text)
  return Number.isSafeInteger(id) ? id : -1
}

/** A boolean in a query parameter: true, false, 1 or 0, in any case. */
export function flagFilter(query: Record<string, string | undefined>, field: string): boolean | undefined {
  const text = query[field]?.toLowerCase()
  if (text === undefined) return undefined
  if (text === 'true' || text === '1') return true
  if (text === 'false' || text === '0') return false
  throw invalid(field, 'must be true or false')
}

/** A text in a query parameter, at most 500 characters. */
export function textFilter(query: Record<string, string | undefined>, field: string): string | undefined {
  const text = query[field]
  if (text !== undefined && text.length > 500) throw invalid(field, 'must have at most 500 characters')
  return text
}

/**
 * Refuses what PostgreSQL cannot store in a text: NUL and half surrogate pairs, anywhere in `value`, keys included.
 * Bodies come with bounded depth, so this may recurse.
 */
export function assertStorable(value: unknown, field = ''): void {
  if (typeof value === 'string') {
    if (value.includes('\0')) throw invalid(field || 'body', 'must not contain a NUL character')
    if (!value.isWellFormed()) throw invalid(field || 'body', 'must be well-formed Unicode')
  } else if (Array.isArray(value)) value.forEach((item, index) => assertStorable(item, `${field}[${index}]`))
  else if (value && typeof value === 'object')
    for (const [key, item] of Object.entries(value)) {
      assertStorable(key, field || 'body')
      // Elysia makes a text of a value that does not fit, and `{"toString": 1}` has none.
      if (key === 'toString') Object.defineProperty(value, Symbol.toPrimitive, { value: () => 'an object' })
      assertStorable(item, field ? `${field}.${key}` : key)
    }
}

/** 400 with one detail a field, from the errors of a schema's check. The values themselves are never repeated. */
export function validationProblem(errors: Iterable<ValueError>): Problem {
  const details: Detail[] = []
  for (const error of errors) {
    const field = error.path.slice(1).replaceAll('/', '.') || 'body'
    if (!details.some((known) => known.field === field)) details.push({ field, message: messageOf(error) })
    if (details.length === 20) break
  }
  const [first] = details
  return new Problem(400, first ? `${first.field} ${first.message}` : 'the request is not valid', { details })
}

function messageOf({ value, schema, message }: ValueError): string {
  if (value === undefined) return 'is required'
  if (schema.format && FORMATS[schema.format] && typeof value === 'string' && /format|length greater/.test(message))
    return FORMATS[schema.format]!
  if (schema.anyOf) {
    const kind = schema.anyOf.find(({ type }: { type?: string }) => type !== 'null')
    return `must be ${KINDS[kind?.type] ?? 'of another type'}${bounds(kind)} or null`
  }
  if (schema.pattern && /match/.test(message)) return schema.errorMessage ?? 'has characters that are not allowed'
  if (/length|less|greater/.test(message))
    return (
      bounds(schema).replace(/^ (of)?/, schema.maxLength === undefined ? 'must be ' : 'must have') || 'is too short or too long'
    )
  return `must be ${KINDS[schema.type] ?? 'of another type'}`
}

const KINDS: Record<string, string> = {
  string: 'a string',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
}
const FORMATS: Record<string, string> = {
  id: 'must be a whole number',
  filled: 'must not be blank',
  address: 'must be an e-mail address',
}

function bounds({ minimum, minLength, maxLength }: Record<string, unknown> = {}): string {
  if (minimum !== undefined) return ` from ${minimum} up`
  if (maxLength !== undefined) return ` of ${minLength ? `${minLength} to` : 'at most'} ${maxLength} characters`
  return ''
}
