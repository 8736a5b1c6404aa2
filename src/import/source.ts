import type { Transaction } from '../database/guard.ts'
import type { By } from '../http/principal.ts'
import type { CsvFile } from './csv-file.ts'

/** A row of a staging table, with that table's columns. */
export type Staged = { line: number } & Record<string, unknown>

/** A range of rows for one statement: from the row after `after` to `upTo`. */
export type Chunk = [after: number, upTo: number]

/**
 * The rows of one file in its staging table. `users` and `links`: the staging tables of the same import that they refer to, if there are such files. `by`:
 * the caller, for the audit log; undefined for a folder, whose events are in events.csv. `recode`: the lines of rows whose new code another row has.
 */
export type Load = Pick<Source, 'table'> & {
  staging: string
  users?: string
  links?: string
  chunks: Chunk[]
  by?: By
  recode: number[]
}

/** Why a target is refused; undefined if it is accepted. */
export type Refusal = (target: string) => string | undefined

/** One kind of file: how it is read, and how its staged rows become rows of `table`. */
export type Source = {
  name: 'users' | 'links' | 'events'
  file: string
  table: 'users' | 'urls' | 'events'
  /** The columns that the file may have, by name. */
  columns: Record<string, unknown>
  /** The columns of its staging table. */
  staged: readonly string[]
  /** If set, POST /<table>/bulk accepts one such file, under this tag in the API's documentation. */
  tag?: string
  /** Reads and validates a file, in batches of rows. Throws a Problem (400) that names the bad rows. Adds to `recode` as described in Load. */
  read: (file: CsvFile, refusal?: Refusal, recode?: number[]) => AsyncIterable<Staged[]>
  store: (sql: Transaction, load: Load) => Promise<void>
}
