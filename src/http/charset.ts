// Decodes bytes: by the stated charset, or else as UTF-8, and strictly, without replacement characters.
import { Problem } from '../base/problem.ts'

const ASCII = /^(us-)?ascii$/i

/**
 * The text of `bytes` in `charset`, without a byte order mark; `what` names them in errors: "the body". Accepts the charsets of the web
 * (https://encoding.spec.whatwg.org). 415 for an unknown charset, 400 for bytes that are invalid in it.
 */
export function textOf(bytes: Uint8Array, charset: string | undefined, what: string, field: string): string {
  const label = charset || 'utf-8'
  const refused = (status: number, message: string) =>
    new Problem(status, `${what} ${message}`, { details: [{ field, message }] })
  let decoder: TextDecoder
  try {
    decoder = new TextDecoder(labelFor(bytes, label) as 'utf-8', { fatal: true })
  } catch {
    throw refused(415, `has an unknown charset, ${label.slice(0, 40)}: send UTF-8`)
  }
  const foreign = ASCII.test(label) ? bytes.findIndex((byte) => byte > 127) : -1
  try {
    if (foreign < 0) return decoder.decode(bytes)
  } catch {}
  const at = foreign < 0 ? (decoder.encoding === 'utf-8' ? notUtf8At(bytes) : -1) : foreign
  const position = at < 0 ? '' : `: the byte ${hex(bytes[at]!)} at ${at} is not`
  throw refused(
    400,
    `must be ${charset ? label : 'UTF-8'} text${position}${charset ? '' : '. Send UTF-8, or state its charset in Content-Type'}`,
  )
}

/** `utf-16` depends on the byte order mark, and is little-endian without one. */
const labelFor = (bytes: Uint8Array, label: string) =>
  /^utf-16$/i.test(label) && bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : label

export const hex = (byte: number) => `0x${byte.toString(16).toUpperCase().padStart(2, '0')}`

/** The index of the first byte that is invalid UTF-8; -1 if there is none. */
export function notUtf8At(bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at]!
    if (first < 0x80) {
      at++
      continue
    }
    const more = first >= 0xc2 && first <= 0xdf ? 1 : first >= 0xe0 && first <= 0xef ? 2 : first >= 0xf0 && first <= 0xf4 ? 3 : 0
    if (more === 0) return at
    for (let i = 1; i <= more; i++) {
      const byte = bytes[at + i]
      const [from, to] = i === 1 ? secondOf(first) : [0x80, 0xbf]
      if (byte === undefined || byte < from || byte > to) return at
    }
    at += more + 1
  }
  return -1
}

/** The second byte shows overlong forms, surrogates and values beyond Unicode. */
function secondOf(first: number): [from: number, to: number] {
  if (first === 0xe0) return [0xa0, 0xbf]
  if (first === 0xed) return [0x80, 0x9f]
  if (first === 0xf0) return [0x90, 0xbf]
  if (first === 0xf4) return [0x80, 0x8f]
  return [0x80, 0xbf]
}
