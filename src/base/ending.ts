// Strips what a chat or a mail appended to a short link, to find the code that was meant.
import { CODE, LONGEST_CODE, RESERVED } from './code.ts'

/** Characters that no code contains. */
const GLUED = [
  '\\s\\u00ad\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff', // blanks, zero-width ones too, and direction marks
  ')\\]}>.,:;!?\'"`*|~\\\\',
  '\\u00bb\\u2018-\\u201f\\u2026\\u203a\\u3001\\u3002\\u3009\\u300b\\u300d\\u300f\\u3011\\uff01\\uff09\\uff0c\\uff0e\\uff1a\\uff1b\\uff1f\\uff3d\\uff5d',
].join('')
const ENTITY = '&(?:gt|lt|quot|apos|nbsp|amp|#\\d{1,5});'
const ENDING = new RegExp(`^([A-Za-z0-9_-]{1,${LONGEST_CODE}})((?:[${GLUED}]|${ENTITY})*\\/?(?:[${GLUED}]|${ENTITY})*)$`)
const GLUED_ONE = new RegExp(`[${GLUED}]`)
const ENTITY_AT_END = new RegExp(`${ENTITY}$`)
/** Characters that a chat may have appended. */
export const LONGEST_ENDING = 32
const LONGEST = LONGEST_CODE + LONGEST_ENDING

/**
 * The code that `text` means: without one slash, and without brackets, dots, quotes and blanks, at its end. Undefined if that leaves no code or a
 * reserved word, or if there is nothing to strip: a valid code always means itself.
 */
export function codeBefore(text: string): string | undefined {
  if (text.length > LONGEST || CODE.test(text)) return undefined
  const [, code, ending] = ENDING.exec(text) ?? []
  return code && ending && !RESERVED.has(code) ? code : undefined
}

/** The code that one segment of a path, as sent, is or means. */
export function codeOfPath(segment: string): string | undefined {
  if (CODE.test(segment)) return RESERVED.has(segment) ? undefined : segment
  const text = decoded(segment)
  return CODE.test(text) ? codeOfPath(text) : codeBefore(text)
}

/** A text of any characters without an ending that a chat appended, by the rules for codes. A regular expression would take quadratic time. */
export function withoutEnding(text: string): string {
  let end = text.length
  let slashes = 0
  for (; end > 0; end--) {
    const last = text[end - 1]!
    if (last === ';') end -= (ENTITY_AT_END.exec(text.slice(Math.max(0, end - 8), end))?.[0].length ?? 1) - 1
    else if (last === '/' ? slashes++ > 0 : !GLUED_ONE.test(last)) break
  }
  return text.slice(0, end)
}

/** A segment of a path, percent-decoded; '' if it is malformed or longer than `longest`, far longer than a code. */
export function decoded(segment: string, longest = LONGEST * 9): string {
  if (!segment.includes('%')) return segment
  try {
    return segment.length > longest ? '' : decodeURIComponent(segment) // %E2%80%8B is one character
  } catch {
    return ''
  }
}
