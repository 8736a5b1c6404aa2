// Detects the encoding of a CSV file (UTF-8 or UTF-16) and its separator (comma, semicolon, tab or bar).
import { parse } from 'csv-parse/sync'
import { hex, notUtf8At, textOf } from '../http/charset.ts'
import { badFile, badRows } from './bad-rows.ts'

const SEPARATORS = [',', ';', '\t', '|'] as const
const HEAD = 64 * 1024

/**
 * The file in UTF-8. UTF-16 ("Unicode text" in spreadsheets) is recognised by its byte order mark, or by the zero bytes of ASCII
 * characters.
 */
export function inUtf8(file: Uint8Array): Uint8Array {
  const [first, second] = file
  const little = (first === 0xff && second === 0xfe) || (first !== 0 && first !== undefined && second === 0)
  const big = (first === 0xfe && second === 0xff) || (first === 0 && second !== 0 && second !== undefined)
  return little || big ? Buffer.from(textOf(file, little ? 'utf-16le' : 'utf-16be', 'the file', 'file')) : file
}

/** The separator of the file. `declared`: the first line states it (`sep=;`). Otherwise the separator that yields most known column names. */
export function separatorOf(file: Uint8Array, names: string[]): { separator: string; declared: boolean } {
  const head = new TextDecoder().decode(file.subarray(0, HEAD))
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
export const LINE_ENDS = ['\r\n', '\n', '\r']

/** 400 that names the row and the first byte that is not UTF-8, at `near` or up to 4 bytes before. */
export function notUtf8(file: Uint8Array, near: number) {
  const from = near < 4 ? 0 : file.lastIndexOf(LF, near - 4) + 1 // no character is longer than 4 bytes, and none contains a line feed
  const at = from + notUtf8At(file.subarray(from))
  return badRows([
    {
      line: rowAt(file, at),
      message: `must be UTF-8 text: the byte ${hex(file[at] ?? 0)} at ${at} is not. Save the file as “CSV UTF-8”`,
    },
  ])
}

/** The row that contains a byte, counted as in `readRows`: a line break inside quotes does not end a row. */
function rowAt(file: Uint8Array, at: number): number {
  let row = 1
  let quoted = false
  for (let i = 0; i < at; i++) {
    if (file[i] === QUOTE) quoted = !quoted
    else if (!quoted && (file[i] === LF || (file[i] === CR && file[i + 1] !== LF))) row++
  }
  return row
}

const [QUOTE, CR, LF] = [...'"\r\n'].map((char) => char.charCodeAt(0)) as [number, number, number]
