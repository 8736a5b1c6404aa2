// Turns TypeBox errors into sentences that name the field, and parses what schemas cannot describe.
import { FormatRegistry, Type } from '@sinclair/typebox'
import type { ValueError } from '@sinclair/typebox/errors'
import { type Detail, invalid, notFound, Problem } from '../base/problem.ts'
import { readTime } from '../base/time.ts'

/** Path parameters of `/…/:id`. Digits; `idOf` checks the range. */
export const IdParams = Type.Object({ id: Type.String({ format: 'id', description: 'A whole number.' }) })

/** Clients send whole objects back: unknown and read-only fields are ignored. */
export const OTHERS_IGNORED = { additionalProperties: true }

/** An id in a body. */
export const Id = Type.Integer({ minimum: 1 })

/** A time in a body, ISO 8601 with a zone: without one, it would be ambiguous. */
export const Time = Type.String({ format: 'time', maxLength: 40, examples: ['2026-12-31T23:59:59Z'] })

/** A text with more than white space. */
export const filled = (maxLength: number, description?: string) =>
  Type.String({ minLength: 1, maxLength, format: 'filled', description })

FormatRegistry.Set('id', (text) => /^\d+$/.test(text))
FormatRegistry.Set('time', (text) => readTime(text) !== undefined && /(Z|[+-]\d\d:?\d\d)$/i.test(text))
FormatRegistry.Set('filled', (text) => text.trim() !== '')
// One @, no spaces, a dot in the domain: accepts every real address, rejects most typos.
FormatRegistry.Set('address', (text) => /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/.test(text))

/** A name in canonical form: trimmed, and in Unicode NFC. tidy_name in sql/ does the same. */
export const tidyName = (text: string) => text.normalize('NFC').trim()

/** The id in a path. 404 beyond 2^53 - 1, the largest integer in JSON: there is no such row. */
export function idOf(text: string, what: string): number {
  const id = Number(text)
  if (!Number.isSafeInteger(id) || id < 1) throw notFound(what)
  return id
}

/** The id in a query parameter; undefined if absent, -1 if too large for any row, which matches nothing. */
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

/** A text in a query parameter. */
export function textFilter(query: Record<string, string | undefined>, field: string, most = 500): string | undefined {
  const text = query[field]
  if (text !== undefined && text.length > most) throw invalid(field, `must have at most ${most} characters`)
  return text
}

/**
 * Refuses what PostgreSQL cannot store in a text: NUL and unpaired surrogates, anywhere in `value`, keys included. Bodies have a limited depth, so
 * this may recurse.
 */
export function assertStorable(value: unknown, field = ''): void {
  if (typeof value === 'string') {
    if (value.includes('\0')) throw invalid(field || 'body', 'must not contain a NUL character')
    if (!value.isWellFormed()) throw invalid(field || 'body', 'must be well-formed Unicode')
  } else if (Array.isArray(value)) value.forEach((item, index) => assertStorable(item, `${field}[${index}]`))
  else if (value && typeof value === 'object')
    for (const [key, item] of Object.entries(value)) {
      assertStorable(key, field || 'body')
      // Elysia converts an invalid value to a string, which fails for `{"toString": 1}`.
      if (key === 'toString') Object.defineProperty(value, Symbol.toPrimitive, { value: () => 'an object' })
      assertStorable(item, field ? `${field}.${key}` : key)
    }
}

/** 400 with one detail per field, from the errors of a schema's check. Never repeats the values. */
export function validationProblem(errors: Iterable<ValueError>): Problem {
  const details: Detail[] = []
  for (const error of errors) {
    const inner = besidesNull(error)
    const field =
      inner.path
        .slice(1)
        .replace(/\/(\d+)(?=\/|$)/g, '[$1]')
        .replaceAll('/', '.') || 'body'
    const orNull = inner !== error && inner.path === error.path
    const message = orNull ? withNull(messageOf(inner)) : messageOf(inner)
    if (!details.some((known) => known.field === field)) details.push({ field, message })
    if (details.length === 20) break
  }
  const [first] = details
  return new Problem(400, first ? `${first.field} ${first.message}` : 'the request is invalid', { details })
}

/** The first error of the other type, if the schema is one type or null; it may be that of a field within. */
function besidesNull(error: ValueError): ValueError {
  const kinds: { type?: string }[] = error.schema.anyOf ?? []
  const other = kinds.findIndex(({ type }) => type !== 'null')
  return kinds.length === 2 && kinds[1 - other]?.type === 'null' ? (error.errors[other]?.First() ?? error) : error
}

const withNull = (message: string) =>
  message.startsWith('must be') ? `${message}${/,| or /.test(message) ? ',' : ''} or null` : message

function messageOf({ value, schema, message }: ValueError): string {
  if (value === undefined) return 'is required'
  if (/^unexpected property/i.test(message)) return 'is unknown'
  if (schema.format && FORMATS[schema.format] && typeof value === 'string' && /format|length greater/.test(message))
    return FORMATS[schema.format]!
  if (schema.anyOf) {
    const texts = schema.anyOf.map((kind: { const?: unknown }) => kind.const)
    if (texts.every((text: unknown) => typeof text === 'string'))
      return `must be ${texts.join(', ').replace(/, (?=[^,]+$)/, ' or ')}`
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
  time: 'must be a time with a zone, such as 2026-12-31T23:59:59Z',
  filled: 'must not be blank',
  address: 'must be an e-mail address',
}

function bounds({ minimum, minLength, maxLength }: Record<string, unknown> = {}): string {
  if (minimum !== undefined) return ` from ${minimum} up`
  if (maxLength !== undefined) return ` of ${minLength ? `${minLength} to` : 'at most'} ${maxLength} characters`
  return ''
}
