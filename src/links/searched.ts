// The searched text of a link, and the SQL for the words of a search. No other file knows the searched text. sql/search.sql has its index.
import type { Fragment, Sql } from '../database/guard.ts'

/** If there are more words, the longest count: PostgreSQL keeps 32 compiled regular expressions, and a search uses two for each word. */
const MAX_WORDS = 10
/** The letters of a trigram. Fewer have one only at the start or the end of a word, where blanks complete it. */
const TRIGRAM = 3

/** The searched text of `urls u`. No other expression would use the index. */
export const searchedText = (sql: Sql) =>
  sql`(u.short_code || ' ' || coalesce(u.original_url, '') || ' ' || coalesce(u.title, ''))`

/** The words of a search, at most ten, each once. A word of signs alone counts only if there is no other. */
export function wordsOf(q: string): string[] {
  const words = new Map(q.split(/\s+/).map((word) => [word.toLowerCase(), word]))
  const all = [...words.values()].filter((word) => word !== '')
  const spelled = all.filter((word) => /[\p{L}\p{N}\p{So}]/u.test(word)) // or emoji
  return (spelled.length > 0 ? spelled : all).sort((a, b) => b.length - a.length).slice(0, MAX_WORDS)
}

/** Whether the text `place` has the word, in any case. A word of one or two letters counts only where a word of the text starts. */
export const contains = (sql: Sql, place: Fragment, word: string): Fragment =>
  isRegular(word)
    ? sql`${place} ~ ${(isShort(word) ? START : '') + anyCase(word)}`
    : sql`(${place} ilike case_pattern(${`%${escapeLike(word)}%`}) and has_text(${place}, ${word}))`

/** The same, only where a word of the text starts, if a regular expression can tell. */
export const begins = (sql: Sql, place: Fragment, word: string): Fragment =>
  isRegular(word) ? sql`${place} ~ ${START + anyCase(word)}` : contains(sql, place, word)

/**
 * A part of a word for which the index has trigrams. `start`: where a word of the text starts; `end`: with a sign after it. `word`: the whole word.
 * `partial`: it is looked for only at the start of words, or at their end, and may be elsewhere, too.
 */
export type Piece = { text: string; start: boolean; end: boolean; word: boolean; partial?: true }

/** The pieces of words, the longest first; partial ones if there are no others. `ascii`: other letters have no trigrams. */
export function piecesOf(words: string[], ascii = false): Piece[] {
  const pieces = words.flatMap((word) =>
    [...word.matchAll(ascii ? /[A-Za-z0-9]+/g : /[\p{L}\p{Nd}]+/gu)].flatMap(({ 0: text, index }) => pieceOf(word, text, index)),
  )
  const whole = pieces.filter(({ partial }) => !partial)
  return (whole.length > 0 ? whole : pieces).sort((a, b) => b.text.length - a.text.length)
}

/** The piece for the letters `text` at `index` of a word; none if they have no trigram. */
function pieceOf(word: string, text: string, index: number): Piece[] {
  const whole = text === word
  if ([...text].length >= TRIGRAM) return [{ text, start: false, end: false, word: whole }]
  const end = isSign(word.charAt(index + text.length))
  if (index === 0 && (whole ? !isRegular(text) : end && text.length === 1))
    return [{ text, start: true, end, word: whole, partial: true }]
  const start = whole || isSign(word.charAt(index - 1))
  return isRegular(text) && (start || (end && text.length > 1)) ? [{ text, start, end, word: whole }] : []
}

/** Whether the searched text has the piece: a condition that the index answers. */
export function hasPiece(sql: Sql, { text, start, end }: Piece): Fragment {
  const place = searchedText(sql)
  if (!start && !end) return contains(sql, place, text)
  return isRegular(text)
    ? sql`${place} ~ ${(start ? START : '') + anyCase(text) + (end ? LISTED : '')}`
    : sql`(${place} ilike ${`% ${text}%`} or ${place} ilike ${`%${text} %`} or ${place} ilike ${`%${text}`})`
}

const isShort = (word: string) => /^[\p{L}\p{Nd}]{1,2}$/u.test(word)

const isSign = (letter: string) => letter !== '' && SIGNS.includes(letter)

/** pg_trgm reads a list of signs, but no `[^[:alnum:]]`. */
const SIGNS = ' !"#$%&\'()*+,./:;<=>?@[\\]^_`{|}~-'
const LISTED = `[${SIGNS.replace(/[\\\]^-]/g, '\\$&')}]`
const START = `(^|${LISTED})`

/**
 * A regular expression for the text. Its classes do not depend on the locale, as ilike does, and the index is queried for each letter of a class, so
 * it works with a Turkish locale, too.
 */
const anyCase = (text: string) => [...text].map(eitherCase).join('')

/** Letters with more than one other case: in Turkish, ı and İ are of the pairs ıI and iİ; ς ends a Greek word. */
const CASES: Record<string, string> = { i: 'iIİ', I: 'iIıİ', İ: 'iIİ', ı: 'ıI', σ: 'σςΣ', ς: 'σςΣ', Σ: 'σςΣ' }

function eitherCase(letter: string): string {
  const letters = CASES[letter] ?? [...new Set([letter, letter.toLowerCase(), letter.toUpperCase()])].filter(isOne).join('')
  if (letters.length > letter.length) return `[${letters}]`
  return /[!-/:-@[-`{-~]/.test(letter) ? `\\${letter}` : letter
}

const isOne = (text: string) => [...text].length === 1 // ß has a capital of two letters

/** pg_trgm reads classes of letters up to U+07FF. Beyond, where few scripts have capitals, it reads only the patterns of like. */
const isRegular = (text: string) => /^[\0-\u07ff]*$/.test(anyCase(text))

const escapeLike = (text: string) => text.replace(/[\\%_]/g, '\\$&')
