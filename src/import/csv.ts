// Reads and validates the rows of any CSV file, slice by slice, so that the server keeps answering.
import { Readable } from 'node:stream'
import { type CsvError, parse } from 'csv-parse'
import { counted } from '../base/counted.ts'
import { Problem } from '../base/problem.ts'
import { BadCell, type BadRow, badFile, badRows, MAX_DETAILS } from './bad-rows.ts'
import { inUtf8, LINE_ENDS, notUtf8, separatorOf } from './csv-text.ts'

/** A column: `read` converts the text of a cell that is not blank, or throws BadCell. */
export type Column<T = unknown, R extends boolean = boolean> = { required: R; read: (text: string) => T }
export type Columns = Record<string, Column>
export type RowOf<C extends Columns> = { line: number } & {
  [K in keyof C]: C[K] extends Column<infer T, infer R> ? (R extends true ? T : T | null) : never
}

export const MAX_ROWS = 1_000_000
const MAX_RECORD = 1024 * 1024
const SLICE = 64 * 1024

/**
 * Reads the rows below the header, which is the first row, or the second after `sep=;`. `line` is the row number in a spreadsheet (the
 * first is 1). Skips blank rows and unknown columns; an optional column is null if it is blank or missing. `keep` converts each row, and
 * may refuse one that is valid by itself. Throws a Problem (400) that names up to 20 bad rows.
 */
export async function readRows<C extends Columns, Kept>(
  file: Uint8Array,
  columns: C,
  keep: (row: RowOf<C>, refuse: (column: string, message: string) => void) => Kept,
): Promise<Kept[]> {
  const rows: Kept[] = []
  const bad: BadRow[] = []
  const names = Object.keys(columns)
  let header: string[] | undefined
  let indices: number[] = []
  let line = 0
  const text = inUtf8(file)
  const { separator, declared } = separatorOf(text, names)

  try {
    for await (const record of records(text, separator)) {
      const fields = record as string[]
      line++
      if ((declared && line === 1) || fields.every((field) => field.trim() === '')) continue
      if (!header) {
        header = fields.map((name) => name.trim().toLowerCase())
        bad.push(...headerErrors(header, columns))
        if (bad.length > 0) break
        indices = names.map((name) => header!.indexOf(name))
        continue
      }
      const errors = bad.length
      const row = readRow(fields)
      if (bad.length === errors) rows.push(keep(row, (column, message) => bad.push({ line, column, message })))
      if (bad.length >= MAX_DETAILS) break
      if (rows.length > MAX_ROWS)
        throw badFile(`has more than ${MAX_ROWS.toLocaleString('en')} rows: split it into several files`)
    }
  } catch (error) {
    if (error instanceof Problem) throw error
    bad.push(brokenRow(error as CsvError))
  }
  if (bad.length > 0) throw badRows(bad)
  if (!header) throw badFile('is empty: its first row must name the columns')
  return rows

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

function records(file: Uint8Array, delimiter: string) {
  const parser = parse({
    bom: true,
    delimiter,
    record_delimiter: LINE_ENDS,
    relax_column_count: true,
    max_record_size: MAX_RECORD,
  })
  const source = Readable.from(slices(file), { objectMode: false })
  source.on('error', (error) => parser.destroy(error))
  return source.pipe(parser)
}

async function* slices(file: Uint8Array) {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  for (let at = 0; at < file.length; at += SLICE) {
    const slice = file.subarray(at, at + SLICE)
    try {
      decoder.decode(slice, { stream: at + SLICE < file.length })
    } catch {
      throw notUtf8(file, at)
    }
    yield slice
    await new Promise((next) => setImmediate(next))
  }
}

function headerErrors(header: string[], columns: Columns): BadRow[] {
  const missing = Object.keys(columns).filter((name) => columns[name]!.required && !header.includes(name))
  const twice = header.filter((name, index) => name !== '' && header.indexOf(name) < index)
  return [
    ...missing.map((column) => ({ line: 1, column, message: 'is missing: the first row must name the columns' })),
    ...[...new Set(twice)].map((column) => ({ line: 1, column, message: 'appears twice in the header' })),
  ]
}

/** Takes the row from the parser, which has counted the rows before the broken one: our own count lags behind its buffer. */
function brokenRow(error: CsvError & { records?: number }): BadRow {
  const line = (error.records ?? 0) + 1
  if (error.code === 'CSV_QUOTE_NOT_CLOSED') return { line, message: 'has a quote that is never closed' }
  if (error.code === 'CSV_MAX_RECORD_SIZE')
    return { line, message: `is longer than ${MAX_RECORD} bytes, perhaps because a quote is never closed` }
  if (/QUOTE/.test(error.code ?? ''))
    return { line, message: 'has a quote inside a field: the field must be quoted, and the quote doubled' }
  throw error
}
