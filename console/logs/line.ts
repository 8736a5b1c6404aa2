// A line of the log as the console keeps it: mostly its text, which is parsed again for the few dozen lines on the screen.
import { visible } from '../../src/base/visible.ts'

export type Line = {
  /** '' if only one server was asked. */
  replica: string
  sequence: number
  level: string
  /** ms since 1970. */
  at: number
  text: string
}

/** A note of the console between lines, about missing ones. */
type Note = { note: string }
export type Entry = Line | Note

type Fields = Record<string, unknown>

const FRAME = new Set(['sequence', 'replica', 'level', 'time', 'message', 'console'])
const REQUEST = new Set(['request_id', 'method', 'path', 'route', 'status', 'ms'])
const LONGEST = 400 // characters in a row; the details show all

/** Undefined if the text is not a line. */
export function readLine(text: string): Line | undefined {
  try {
    const { replica = '', sequence, level, time } = JSON.parse(text)
    return { replica, sequence, level, at: Date.parse(time), text }
  } catch {
    return undefined
  }
}

/** A line from the fields that a list of lines has. */
export const lineOf = (fields: Record<string, unknown>): Line => ({
  replica: String(fields.replica ?? ''),
  sequence: Number(fields.sequence),
  level: String(fields.level),
  at: Date.parse(String(fields.time)),
  text: JSON.stringify(fields),
})

export const isLine = (entry: Entry | undefined): entry is Line => entry !== undefined && 'text' in entry

/** The key of a line in the address: `sequence`, or `replica:sequence`. */
export const keyOf = ({ replica, sequence }: Line) => (replica ? `${replica}:${sequence}` : String(sequence))

/** The inverse of keyOf; undefined if it is not a key. */
export function readKey(key: string): { replica: string; sequence: number } | undefined {
  const [, replica = '', sequence] = /^(?:(.*):)?(\d{1,15})$/.exec(key) ?? []
  return sequence === undefined ? undefined : { replica, sequence: Number(sequence) }
}

type Said = { message: string; more: string; status?: number; ms?: number }

/** A line as text: a request as its method and path, other lines as their message; the rest as name=value. */
export function saidIn({ text }: Line): Said {
  const fields: Fields = JSON.parse(text)
  const { method, path, status, ms, message } = fields
  if (typeof method !== 'string' || typeof path !== 'string')
    return { message: cut(String(message ?? '')), more: cut(pairs(fields, FRAME)) }
  return {
    message: cut(`${method} ${path}`),
    more: cut(`${message === 'request' ? '' : `${message} `}${pairs(fields, FRAME.union(REQUEST))}`.trim()),
    status: typeof status === 'number' ? status : undefined,
    ms: typeof ms === 'number' ? ms : undefined,
  }
}

/** Every field with its value as text, for the details. */
export function fieldsOf({ text }: Line): [name: string, value: string][] {
  const { time, level, replica, sequence, message, ...rest } = JSON.parse(text) as Fields
  return Object.entries({ message, time, level, replica, sequence, ...rest }).flatMap(([name, value]) =>
    value === undefined
      ? []
      : [[visible(name), visible(typeof value === 'string' ? value : JSON.stringify(value, null, 2).replaceAll('\\n', '\n'))]],
  )
}

/** The id of the line's request. */
export function requestOf({ text }: Line): string | undefined {
  const { request_id } = JSON.parse(text) as Fields
  return typeof request_id === 'string' ? request_id : undefined
}

/** 16:04:05.123, in the reader's time zone. */
export function clock(at: number): string {
  const time = new Date(at)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${String(time.getMilliseconds()).padStart(3, '0')}`
}

/** The text in pieces; every second one is highlighted. */
export function pieces(text: string, mark: string): string[] {
  if (!mark) return [text]
  return text.split(new RegExp(`(${RegExp.escape(mark)})`, 'gi'))
}

function pairs(fields: Fields, but: Set<string>): string {
  return Object.entries(fields)
    .filter(([name]) => !but.has(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : shortOf(value)}`)
    .join(' ')
}

/** Of an error, the message is enough in a row. */
function shortOf(value: unknown): string {
  const { message } = (value ?? {}) as { message?: unknown }
  return typeof message === 'string' ? message : JSON.stringify(value)
}

const cut = (text: string) => visible(text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text)
