// The fields of links as flags and as values, from the schemas of the API: a field that is added there is a flag here.
import type { TObject, TSchema } from '@sinclair/typebox'
import { ConfigError } from '../../config/config.ts'

export type Field = {
  /** In the API. */
  name: string
  /** On the command line, without --. */
  flag: string
  help: string
  /** JSON types that it accepts; `null` among them if it can be cleared. */
  kinds: Set<string>
  /** The only texts that it accepts. */
  choices?: string[]
}

/** The glossary's words for the API's older names. */
const FLAGS: Record<string, string> = { original_url: 'target', short_code: 'code', q: 'search' }

/** The fields of a schema, without those that are `leftOut`. */
export const fieldsOf = (schema: TObject, leftOut: string[] = []): Field[] =>
  Object.entries(schema.properties)
    .filter(([name]) => !leftOut.includes(name))
    .map(([name, schema]) => {
      const kinds = partsOf(schema)
      const literals = kinds.filter(({ const: literal }) => typeof literal === 'string').map((kind): string => kind.const)
      const open = kinds.some(({ type, const: literal }) => type === 'string' && literal === undefined)
      const choices = literals.length > 0 && !open ? literals : kinds.some(isBoolean) && !open ? ['true', 'false'] : undefined
      const help = [schema, ...kinds].find(({ description }) => description)?.description ?? ''
      return {
        name,
        flag: FLAGS[name] ?? name.replaceAll('_', '-'),
        help: schema.default === undefined ? help : `${help} (default: ${schema.default})`.trim(),
        kinds: new Set(kinds.map(({ type }): string => type)),
        choices,
      }
    })

/** The form of a flag's value, for the help. */
export function placeholderOf({ kinds }: Field): string {
  if (kinds.has('string')) return '<text>'
  if (kinds.has('boolean')) return '<boolean>'
  if (kinds.has('integer') || kinds.has('number')) return '<number>'
  return kinds.has('array') ? '<a,b>' : '<json>'
}

/** The value of a field from its text; an empty text clears a field that can be null. Throws ConfigError, which names the flag. */
export function readValue({ flag, kinds, choices }: Field, text: string): unknown {
  const wrong = (what: string) => new ConfigError(`--${flag} must be ${what} (it is ${JSON.stringify(text)})`)
  if (text === '' && kinds.has('null')) return null
  if (choices && !choices.includes(text)) throw wrong(choices.join(' or '))
  if (kinds.has('string')) return text
  if (kinds.has('boolean')) return text === 'true'
  if (kinds.has('integer') || kinds.has('number')) {
    if (text.trim() === '' || !Number.isFinite(Number(text))) throw wrong('a number')
    return Number(text)
  }
  if (kinds.has('array') && !/^\s*\[/.test(text)) return text.split(',').flatMap((item) => item.trim() || [])
  try {
    return JSON.parse(text)
  } catch {
    throw wrong('JSON')
  }
}

/** `field=value` pairs, by the names of the API or of the flags, as a body. Throws ConfigError. */
export function bodyOf(fields: Field[], pairs: [name: string, text: string][]): Record<string, unknown> {
  const body: Record<string, unknown> = {}
  for (const [name, text] of pairs) {
    const field = fields.find((one) => one.name === name || one.flag === name)
    if (!field) throw new ConfigError(`there is no field ${name}: the fields are ${fields.map((one) => one.name).join(', ')}`)
    const [before, value] = [body[field.name], readValue(field, text)]
    body[field.name] = Array.isArray(before) && Array.isArray(value) ? [...before, ...value] : value
  }
  return body
}

/** The alternatives of a schema; the schema itself if it is not a union. */
const partsOf = (schema: TSchema): TSchema[] => (schema.anyOf ? (schema.anyOf as TSchema[]).flatMap(partsOf) : [schema])

const isBoolean = ({ type }: TSchema) => type === 'boolean'
