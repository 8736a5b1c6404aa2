// Detects the encoding of a CSV file (UTF-8 or UTF-16) and its separator (comma, semicolon, tab or bar).
import { parse } from 'csv-parse/sync'
import { hex, notUtf8At } from '../http/charset.ts'
import { badFile, badRows } from './bad-rows.ts'
import type { CsvFile } from './csv-file.ts'

const SEPARATORS = [',', ';', '\t', '|'] as const

/**
 * The text of a file in UTF-8 or UTF-16, in pieces, without a byte order mark. UTF-16 ("Unicode text" in spreadsheets) is recognised by its byte order
 * mark, or by the zero bytes of ASCII characters. Throws a Problem (400) that names the first byte that is invalid.
 */
export async function* piecesOf(file: CsvFile): AsyncGenerator<string> {
  let decoder: TextDecoder | undefined
  let before: Uint8Array = new Uint8Array()
  let read = 0
  for await (const slice of file.slices()) {
    decoder ??= new TextDecoder(encodingOf(slice), { fatal: true })
    const text = decode(decoder, slice)
    if (text === undefined) throw await invalid(decoder.encoding, slice)
    yield text
    before = slice
    read += slice.length
  }
  if (decoder && decode(decoder) === undefined) throw await invalid(decoder.encoding, new Uint8Array())

  function invalid(encoding: string, slice: Uint8Array) {
    return encoding === 'utf-8' ? notUtf8(file, read, before, slice) : badFile(`must be ${encoding} text`)
  }
}

function encodingOf([first, second]: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if ((first === 0xff && second === 0xfe) || (first !== 0 && first !== undefined && second === 0)) return 'utf-16le'
  if ((first === 0xfe && second === 0xff) || (first === 0 && second !== 0 && second !== undefined)) return 'utf-16be'
  return 'utf-8'
}

/** The next part of a text, undefined if it is invalid; without a slice, whether the text ends with a whole character. */
function decode(decoder: TextDecoder, slice?: Uint8Array): string | undefined {
  try {
    return slice ? decoder.decode(slice, { stream: true }) : decoder.decode()
  } catch {
    return undefined
  }
}

/** How many characters of a file show its separator. */
export const HEAD = 64 * 1024

/** The separator of the file. `declared`: the first line states it (`sep=;`). Otherwise the separator that yields most known column names. */
export function separatorOf(text: string, names: string[]): { separator: string; declared: boolean } {
  const head = text.slice(0, HEAD)
  const declared = /^"?sep=(.?)"?[,;\t|]*(?:\r|\n|$)/i.exec(head)?.[1]
  if (declared !== undefined) {
    if (!SEPARATORS.some((known) => known === declared))
      throw badFile('has an unknown separator after sep=: use a comma, semicolon, tab or bar')
    return { separator: declared, declared: true }
  }
  let best = { separator: ',', known: 0 }
  for (const separator of SEPARATORS) {
    const known = headerOf(head, separator).filter((name) => names.includes(name)).length
    if (known > best.known) best = { separator, known }
  }
  return { separator: best.separator, declared: false }
}

function headerOf(head: string, delimiter: string): string[] {
  try {
    const [header = []] = parse(head, {
      to: 1,
      delimiter,
      record_delimiter: LINE_ENDS,
      skip_empty_lines: true,
      relax_column_count: true,
      relax_quotes: true,
    }) as string[][]
    return header.map((name) => name.trim().toLowerCase())
  } catch {
    return []
  }
}

/** One file may mix line ends, after editing on several systems. */
const LINE_ENDS = ['\r\n', '\n', '\r']

/** 400 that names the row and the first byte that is not UTF-8: in `slice`, which begins at `at`, or in the last character of the slice before. */
async function notUtf8(file: CsvFile, at: number, before: Uint8Array, slice: Uint8Array) {
  let from = Math.max(0, before.length - LONGEST_CHARACTER)
  while (from < before.length && (before[from]! & 0xc0) === 0x80) from++ // the middle of a character
  const near = Buffer.concat([before.subarray(from), slice])
  const bad = notUtf8At(near)
  const position = at - (before.length - from) + bad
  return badRows([
    {
      line: await rowAt(file, position),
      message: `must be UTF-8 text: the byte ${hex(near[bad] ?? 0)} at ${position} is not. Save the file as “CSV UTF-8”`,
    },
  ])
}

const LONGEST_CHARACTER = 4

/** The row that contains a byte, counted as in `readRows`: a line break inside quotes does not end a row. */
async function rowAt(file: CsvFile, at: number): Promise<number> {
  let row = 1
  let quoted = false
  let left = at
  let last: number | undefined
  for await (const slice of file.slices()) {
    for (const byte of slice.subarray(0, left)) {
      if (byte === QUOTE) quoted = !quoted
      else if (!quoted && (byte === CR || (byte === LF && last !== CR))) row++
      last = byte
    }
    left -= slice.length
    if (left <= 0) break
  }
  return row
}

const [QUOTE, CR, LF] = [...'"\r\n'].map((char) => char.charCodeAt(0)) as [number, number, number]
