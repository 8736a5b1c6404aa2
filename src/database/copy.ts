// COPY: the fastest way to move rows into and out of a PostgreSQL. The embedded database only reads with it.
import { pipeline } from 'node:stream/promises'
import type { Sql } from './guard.ts'

type Asking = Pick<Sql, 'unsafe'>

/** Writes `rows`, in COPY's text format, into a table: `into` is its name, and its columns in parentheses. */
export async function copyIn(
  sql: Asking,
  into: string,
  rows: Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>,
) {
  await pipeline(rows, await sql.unsafe(`copy ${into} from stdin`).writable())
}

/** The rows of a select or a table with its columns, in COPY's text format, in pieces of any length. */
export async function* copyOut(sql: Asking, from: string): AsyncGenerator<Uint8Array> {
  const rows = await sql.unsafe(`copy ${from} to stdout`).readable()
  yield* rows
  rows._read(0) // postgres.js 3.4.9 may leave its socket paused, and the next statement would get no answer
}

/** A value as a field of COPY's text format. Lists are of texts. */
export function copyField(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return escaped(value)
    case 'number':
      return String(value)
    case 'boolean':
      return value ? 't' : 'f'
    default:
      if (value === null || value === undefined) return '\\N'
      return escaped(Array.isArray(value) ? `{${value.map(quoted).join()}}` : JSON.stringify(value))
  }
}

const quoted = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`

const ESCAPES: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }
const escaped = (text: string) => (/[\\\t\n\r]/.test(text) ? text.replace(/[\\\t\n\r]/g, (char) => ESCAPES[char]!) : text)

/** A row of COPY's text format as a JSON object, with texts for every type but JSON. `json`: the columns of JSON. */
export function jsonOf(row: string, columns: string[], json: Set<string>): string {
  const fields = row.split('\t').map((field, index) => {
    if (field === '\\N') return undefined
    const text = field.includes('\\') ? field.replace(/\\(.)/g, (_, char) => UNESCAPED[char] ?? char) : field
    return `${JSON.stringify(columns[index])}:${json.has(columns[index]!) ? text : JSON.stringify(text)}`
  })
  return `{${fields.filter((field) => field !== undefined).join()}}`
}

const UNESCAPED: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }
