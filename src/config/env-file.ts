// Files with settings, and files with one secret, in the syntax of systemd's EnvironmentFile=: docs/decisions/0030-env-files.md.
import { readFileSync } from 'node:fs'
import { causeOf } from '../base/file-error.ts'

/** The text of a UTF-8 file, without a byte order mark. Throws an Error whose message ends the sentence "X names …". */
export function readTextFile(file: string): string {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    throw new Error(`a file that cannot be read: ${file} (${causeOf(error)})`)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error(`a file that is not in UTF-8: ${file}`)
  }
}

/** The secret in a file, without line ends at its end; blanks may belong to it. */
export const readSecretFile = (file: string): string => readTextFile(file).replace(/[\r\n]+$/, '')

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
const ESCAPED_IN_QUOTES = '"\\`$'

/**
 * The variables in a file. A line is `NAME=value`, a comment (`#` or `;` at its beginning), or a name alone, which is ignored. A value is literal,
 * without the blanks around it; `'…'` or `"…"` keep blanks at its ends and allow several lines. Throws an Error that names the line.
 */
export function readEnvironment(text: string): Record<string, string> {
  const values = new Map<string, string>()
  let at = 0
  let line = 1

  const wrong = (what: string) => new Error(`line ${line}: ${what}`)
  const isOver = () => at >= text.length
  function next(): string {
    const letter = text[at++]!
    if (letter === '\n' || (letter === '\r' && text[at] !== '\n')) line++
    return letter
  }
  const rest = () => {
    const end = /[\r\n]|$/.exec(text.slice(at))!.index
    const found = text.slice(at, at + end)
    at += end
    return found
  }

  /** Reads up to the closing quote. */
  function quoted(quote: string): string {
    const began = line
    let value = ''
    while (!isOver()) {
      const letter = next()
      if (letter === quote) return value
      if (letter !== '\\' || quote === "'") value += letter
      else {
        const escaped = isOver() ? '' : next()
        if (escaped === '\r' && text[at] === '\n') next()
        else if (escaped !== '\n' && escaped !== '\r') value += ESCAPED_IN_QUOTES.includes(escaped) ? escaped : `\\${escaped}`
      }
    }
    line = began
    throw wrong(`the quote ${quote} is not closed`)
  }

  /** Reads to the end of the line; a backslash escapes the next character, or continues in the next line. */
  function plain(): string {
    let value = ''
    let kept = 0 // an escaped blank at the end is kept
    while (!isOver() && text[at] !== '\n' && text[at] !== '\r') {
      const letter = next()
      if (letter !== '\\') value += letter
      else if (!isOver()) {
        const escaped = next()
        if (escaped === '\r' && text[at] === '\n') next()
        else if (escaped !== '\n' && escaped !== '\r') value += escaped
        kept = value.length
      }
    }
    return value.slice(0, kept) + value.slice(kept).trimEnd()
  }

  while (!isOver()) {
    const letter = next()
    if (/\s/.test(letter)) continue
    if (letter === '#' || letter === ';') {
      rest()
      continue
    }
    at--
    const end = /[=\r\n]|$/.exec(text.slice(at))!.index
    const name = text
      .slice(at, at + end)
      .trim()
      .replace(/^export\s+/, '')
    at += end
    if (!NAME.test(name)) throw wrong('must be NAME=value, or a comment that begins with #')
    if (text[at] !== '=') continue
    at++
    while (text[at] === ' ' || text[at] === '\t') at++
    const quote = text[at]
    let value: string
    if (quote === "'" || quote === '"') {
      at++
      value = quoted(quote)
      if (rest().trim() !== '') throw wrong(`there is text after the closing quote of ${name}: put a comment on a separate line`)
    } else value = plain()
    if (value.includes('\0')) throw wrong(`${name} contains a zero byte`)
    values.set(name, value)
  }
  return Object.fromEntries(values)
}
