// Reads and validates the rows of any CSV file, slice by slice, so that the server keeps answering.
import { counted } from '../base/counted.ts'
import { BadCell, type BadRow, badFile, badRows, MAX_DETAILS } from './bad-rows.ts'
import type { CsvFile } from './csv-file.ts'
import { BrokenRecord, splitter } from './csv-records.ts'
import { HEAD, piecesOf, separatorOf } from './csv-text.ts'

/** A column: `read` converts the text of a cell that is not blank, or throws BadCell. */
export type Column<T = unknown, R extends boolean = boolean> = { required: R; read: (text: string) => T }
export type Columns = Record<string, Column>
export type RowOf<C extends Columns> = { line: number } & {
  [K in keyof C]: C[K] extends Column<infer T, infer R> ? (R extends true ? T : T | null) : never
}

export const MAX_ROWS = 1_000_000
const MAX_RECORD = 1024 * 1024
const BATCH = 1_000

/**
 * Reads the rows below the header, which is the first row, or the second after `sep=;`, and yields them in batches. `line` is the row number in a
 * spreadsheet (the first is 1). Skips blank rows and unknown columns; an optional column is null if it is blank or missing. `keep` converts each row,
 * and may refuse one that is valid by itself. Throws a Problem (400) that names up to 20 bad rows.
 */
export async function* readRows<C extends Columns, Kept>(
  file: CsvFile,
  columns: C,
  keep: (row: RowOf<C>, refuse: (column: string, message: string) => void) => Kept,
): AsyncGenerator<Kept[]> {
  const bad: BadRow[] = []
  const names = Object.keys(columns)
  let batch: Kept[] = []
  let read = 0
  let header: string[] | undefined
  let indices: number[] = []
  let line = 0
  const pieces = piecesOf(file)
  const head = await headOf(pieces)
  const { separator, declared } = separatorOf(head, names)

  try {
    reading: for await (const records of recordsOf(head, pieces, separator))
      for (const fields of records) {
        line++
        if ((declared && line === 1) || fields.every(isBlank)) continue
        if (!header) {
          header = fields.map((name) => name.trim().toLowerCase())
          bad.push(...headerErrors(header, columns))
          if (bad.length > 0) break reading
          indices = names.map((name) => header!.indexOf(name))
          continue
        }
        const errors = bad.length
        const row = readRow(fields)
        if (bad.length === errors) batch.push(keep(row, (column, message) => bad.push({ line, column, message })))
        if (bad.length >= MAX_DETAILS) break reading
        if (++read > MAX_ROWS) throw badFile(`has more than ${MAX_ROWS.toLocaleString('en')} rows: split it into several files`)
        if (bad.length === 0) {
          if (batch.length < BATCH) continue
          yield batch
        }
        batch = []
      }
  } catch (error) {
    if (!(error instanceof BrokenRecord)) throw error
    bad.push({ line: error.record, message: BROKEN[error.reason] })
  }
  if (bad.length > 0) throw badRows(bad)
  if (!header) throw badFile('is empty: its first row must name the columns')
  if (batch.length > 0) yield batch

  function readRow(fields: string[]): RowOf<C> {
    const row: Record<string, unknown> = { line }
    if (fields.length !== header!.length)
      bad.push({ line, message: `has ${counted(fields.length, 'field')}, but the header has ${header!.length}` })
    else
      for (const [index, name] of names.entries()) {
        const { required, read } = columns[name]!
        const text = fields[indices[index]!] ?? ''
        try {
          if (text.includes('\0')) throw new BadCell('must not contain a NUL character')
          if (text.trim() !== '') row[name] = read(text)
          else if (required) throw new BadCell('is required')
          else row[name] = null
        } catch (error) {
          if (!(error instanceof BadCell)) throw error
          bad.push({ line, column: name, message: error.message })
        }
      }
    return row as RowOf<C>
  }
}

const isBlank = (field: string) => field.trim() === ''

async function headOf(pieces: AsyncGenerator<string>): Promise<string> {
  let head = ''
  while (head.length < HEAD) {
    const { value, done } = await pieces.next()
    if (done) break
    head += value
  }
  return head
}

/** Lets other work run after each piece. */
async function* recordsOf(head: string, pieces: AsyncGenerator<string>, separator: string) {
  const split = splitter(separator, MAX_RECORD)
  yield split(head, false)
  for await (const piece of pieces) {
    yield split(piece, false)
    await new Promise((next) => setImmediate(next))
  }
  yield split('', true)
  yield split('', true) // throws, if the last record is broken
}

function headerErrors(header: string[], columns: Columns): BadRow[] {
  const missing = Object.keys(columns).filter((name) => columns[name]!.required && !header.includes(name))
  const twice = header.filter((name, index) => name !== '' && header.indexOf(name) < index)
  return [
    ...missing.map((column) => ({ line: 1, column, message: 'is missing: the first row must name the columns' })),
    ...[...new Set(twice)].map((column) => ({ line: 1, column, message: 'appears twice in the header' })),
  ]
}

const BROKEN: Record<BrokenRecord['reason'], string> = {
  'open quote': 'has a quote that is never closed',
  'stray quote': 'has a quote inside a field: the field must be quoted, and the quote doubled',
  'too long': `is longer than ${MAX_RECORD} bytes, perhaps because a quote is never closed`,
}
