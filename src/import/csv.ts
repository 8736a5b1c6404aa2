// Reads a CSV file into checked rows, a slice at a time, so that a server goes on answering meanwhile. Knows nothing of what is imported.
import { Readable } from 'node:stream'
import { type CsvError, parse } from 'csv-parse'
import { type Detail, Problem } from '../http/problem.ts'

/** What a column holds: `read` makes a value of a cell's text that is not blank, or throws BadCell. */
export type Column<T = unknown, R extends boolean = boolean> = { required: R; read: (text: string) => T }
export type Columns = Record<string, Column>
export type RowOf<C extends Columns> = { line: number } & {
  [K in keyof C]: C[K] extends Column<infer T, infer R> ? (R extends true ? T : T | null) : never
}

/** Why a cell is refused, in words that follow its place: "must be a whole number". */
export class BadCell extends Error {}

/** What is wrong in one row; without a column it is the row's shape. */
export type BadRow = { line: number; column?: string; message: string }

export const MAX_ROWS = 1_000_000
const MAX_RECORD = 1024 * 1024
const SLICE = 64 * 1024
const MAX_DETAILS = 20

/**
 * The rows of a file whose first row is the header. `line` is the row's number as a spreadsheet shows it: the header is row 1.
 * Blank rows and columns nobody asked for are passed over; an optional column that is blank or absent is null. `keep` makes of a row
 * what is wanted of it, and may refuse one that reads well by itself. Throws a Problem (400) that names up to 20 bad rows.
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
  let places: number[] = []
  let line = 0

  try {
    for await (const record of records(file)) {
      const fields = record as string[]
      line++
      if (fields.every((field) => field === '')) continue
      if (!header) {
        header = fields.map((name) => name.trim().toLowerCase())
        bad.push(...headerErrors(header, columns))
        if (bad.length > 0) break
        places = names.map((name) => header!.indexOf(name))
        continue
      }
      const errors = bad.length
      const row = readRow(fields)
      if (bad.length === errors) rows.push(keep(row, (column, message) => bad.push({ line, column, message })))
      if (bad.length >= MAX_DETAILS) break
      if (rows.length > MAX_ROWS) throw badFile(`has more than ${MAX_ROWS.toLocaleString('en')} rows: split it`)
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
      bad.push({ line, message: `has ${count(fields.length, 'field')}, and the header has ${header!.length}` })
    else
      for (const [index, name] of names.entries()) {
        const { required, read } = columns[name]!
        const text = fields[places[index]!] ?? ''
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

/** 400 about the file as a whole. */
export const badFile = (message: string) => new Problem(400, `the file ${message}`, { details: [{ field: 'file', message }] })

/** 400 whose text is the first bad row: "row 17, column email: must be an e-mail address". */
export function badRows(bad: BadRow[]): Problem {
  const details = bad.slice(0, MAX_DETAILS).map(({ line, column, message }): Detail => {
    return { field: column === undefined ? `row ${line}` : `row ${line}, column ${column}`, message }
  })
  const [first] = details
  return new Problem(400, `${first!.field}: ${first!.message}`, { details })
}

function records(file: Uint8Array) {
  const parser = parse({ bom: true, relax_column_count: true, max_record_size: MAX_RECORD })
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
      throw badFile('must be UTF-8 text')
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
    ...[...new Set(twice)].map((column) => ({ line: 1, column, message: 'is there twice' })),
  ]
}

/** The parser counts the rows before the broken one; those still in its buffer were not read. */
function brokenRow(error: CsvError & { records?: number }): BadRow {
  const line = (error.records ?? 0) + 1
  if (error.code === 'CSV_QUOTE_NOT_CLOSED') return { line, message: 'has a quote that is never closed' }
  if (error.code === 'CSV_MAX_RECORD_SIZE')
    return { line, message: `is longer than ${MAX_RECORD} bytes, perhaps because a quote is never closed` }
  if (/QUOTE/.test(error.code ?? ''))
    return { line, message: 'has a quote inside a field: the field must be quoted, and the quote doubled' }
  throw error
}

const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`
