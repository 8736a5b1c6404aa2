import type { Transaction } from '../database/guard.ts'
import type { By } from '../http/principal.ts'

/** A row of a staging table, with that table's columns. */
export type Staged = { line: number } & Record<string, unknown>

/** A range of rows for one statement: from the row after `after` to `upTo`. */
export type Chunk = [after: number, upTo: number]

/**
 * The rows of one file in its staging table, for the import `id`. `by`: the caller, for the audit log; undefined for a folder, whose events are in events.csv.
 */
export type Load = Pick<Source, 'table' | 'staging'> & { id: number; chunks: Chunk[]; by?: By }

/** Why a target is refused; undefined if it is accepted. */
export type Refusal = (target: string) => string | undefined

/** One kind of file: how it is read, and how its staged rows become rows of `table`. */
export type Source = {
  name: 'users' | 'links' | 'events'
  file: string
  table: 'users' | 'urls' | 'events'
  staging: string
  /** The columns that the file may have, by name. */
  columns: Record<string, unknown>
  /** If set, POST /<table>/bulk accepts one such file, under this tag in the API's documentation. */
  tag?: string
  /** Reads and validates a file. Throws a Problem (400) that names the bad rows. */
  read: (file: Uint8Array, refusal?: Refusal) => Promise<Staged[]>
  store: (sql: Transaction, load: Load) => Promise<void>
}
