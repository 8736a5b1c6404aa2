// Wide codes have letters of any script, dots and slashes. Only imports create them, from shorteners that allow them.
import { CODE, isReserved } from './code.ts'
import { codeBefore, decoded, LONGEST_ENDING, withoutEnding } from './ending.ts'

const MAX_CHARACTERS = 200
/** In a path: an emoji is 12 bytes, percent-encoded. The ending may be as long as that of other codes. */
const LONGEST_PATH = MAX_CHARACTERS * 12 + LONGEST_ENDING * 9

/** Blanks, control and format characters (except those that join letters and emoji), and characters with a special meaning in a URL. */
const NEVER = /[\p{Z}\p{Cc}\p{Cs}%?#\\]|(?!\u200c|\u200d|[\u{e0020}-\u{e007f}])\p{Cf}/u

/** The reason why a text cannot be a code, as a phrase after the field's name; undefined if it can. */
export function refusalOf(text: string): string | undefined {
  if (CODE.test(text)) return isReserved(text) ? RESERVED_WORD : undefined
  if (text === '' || [...text.slice(0, 2 * MAX_CHARACTERS + 1)].length > MAX_CHARACTERS)
    return `must have 1 to ${MAX_CHARACTERS} characters`
  if (text !== text.normalize('NFC')) return 'must be in Unicode NFC'
  if (NEVER.test(text)) return 'must not contain blanks, control characters, or one of % ? # \\'
  if (text.split('/').some((part) => /^\.{0,2}$/.test(part)))
    return 'must not begin or end with a slash, nor contain // or a part that is only dots'
  if (text.startsWith('.')) return 'must not begin with a dot'
  if (text.endsWith('+')) return 'must not end with +, which shows the preview'
  if (withoutEnding(text) !== text) return 'must not end with punctuation, which chats append to links'
  return isReserved(firstWord(text)) ? RESERVED_WORD : undefined
}

const RESERVED_WORD = 'is reserved by Waypost: choose another code'

const isWide = (text: string) => !CODE.test(text) && refusalOf(text) === undefined

/** Whether the path of a request begins with the word of a route. No code has such a path. */
export const isRoute = (path: string) => isReserved(firstWord(path.slice(1)))

const firstWord = (text: string) => /^[^./]*/.exec(text)![0]

/** The code in a percent-decoded text, without an ending that a chat appended. Undefined if the text is no code. */
export function codeMeant(text: string): string | undefined {
  if (CODE.test(text)) return text
  const code = codeBefore(text)
  if (code !== undefined || text.length > LONGEST_PATH) return code
  const wide = withoutEnding(text.normalize('NFC'))
  return isWide(wide) ? wide : undefined
}

/** The wide code in the path of a request, as it was sent; undefined for any other path. */
export function wideCodeIn(path: string): string | undefined {
  if (path.length > LONGEST_PATH || isRoute(path)) return undefined
  const code = codeMeant(decoded(path.slice(1), LONGEST_PATH))
  return code === undefined || CODE.test(code) ? undefined : code
}
