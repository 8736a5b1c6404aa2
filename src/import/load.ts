// From checked rows to the tables: a thousand at a time into staging tables, then one transaction makes all of them visible.
import type { Database, Transaction } from '../database/guard.ts'
import { Problem } from '../http/problem.ts'
import { inTurn } from './turn.ts'

/** A row of a staging table, in JSON; its columns are the table's. */
export type Staged = { line: number } & Record<string, unknown>

/** Rows of one file in their staging table. `chunks` are ranges of rows, [after, upTo], that one statement may take. */
export type Load = { id: number; chunks: [after: number, upTo: number][] }

/** One kind of file: how it is read, and how its staged rows become rows of `table`. */
export type Source = {
  file: string
  table: 'users' | 'urls' | 'events'
  staging: string
  read: (file: Uint8Array) => Promise<Staged[]>
  store: (sql: Transaction, load: Load) => Promise<void>
}

export type Counts = { imported: number; count: number }
export type Progress = (done: number, total: number) => void

const BATCH = 1_000
const BATCH_CHARACTERS = 1_000_000
const CHUNK = 10_000
const DEADLINE = 600_000
const ONE_IMPORT_AT_A_TIME = 7_767_002

/** Imports one file; throws a Problem (400) that names the bad rows, and then nothing was imported. */
export async function importFile(database: Database, source: Source, file: Uint8Array, progress?: Progress): Promise<Counts> {
  const rows = await source.read(file)
  await importRows(database, [{ source, rows }], progress)
  return { imported: rows.length, count: rows.length }
}

/** Imports the rows of several files together, in the order given; a problem in one of several is said with the file's name. */
export function importRows(
  database: Database,
  files: { source: Source; rows: Staged[] }[],
  progress: Progress = () => {},
): Promise<void> {
  return inTurn(async () => {
    const id = await begin(database)
    const total = files.reduce((sum, { rows }) => sum + rows.length, 0)
    let done = 0
    try {
      for (const { source, rows } of files)
        for (const batch of batches(rows, id)) {
          await database.run((sql) => insert(sql, source.staging, batch.json), DEADLINE)
          done += batch.rows
          progress(done, total)
        }
      await database.transaction(async (sql) => {
        await prepare(sql, files)
        for (const { source, rows } of files)
          await named(files.length > 1 ? source.file : undefined, () => source.store(sql, { id, chunks: chunksOf(rows) }))
      }, DEADLINE)
    } finally {
      await sweep(database, id).catch(() => {}) // what stays behind goes with the next import
    }
    // The embedded database has nobody who would look at a table's new size.
    await database
      .run((sql) => sql.unsafe(`analyze ${files.map(({ source }) => source.table).join(', ')}`), DEADLINE)
      .catch(() => {})
  })
}

/** Says in which file a problem is. */
export async function named<T>(file: string | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Problem) || !file) throw error
    const details = error.details?.map(({ field, message }) => ({ field: `${file}: ${field}`, message }))
    throw new Problem(error.status, `${file}: ${error.message}`, { details, cause: error })
  }
}

/** Opens an import, after sweeping what a killed one left behind. */
async function begin(database: Database): Promise<number> {
  const left = await database.run(
    (sql) => sql<{ id: number }[]>`select id from imports where started_at < now() - interval '1 hour'`,
  )
  for (const { id } of left) await sweep(database, id)
  const [row] = await database.run((sql) => sql<{ id: number }[]>`insert into imports default values returning id`)
  return row!.id
}

async function sweep(database: Database, id: number) {
  for (const staging of ['import_users', 'import_links', 'import_events']) {
    let count: number
    do {
      ;({ count } = await database.run(
        (sql) => sql`
          delete from ${sql(staging)} where import_id = ${id} and line in
            (select line from ${sql(staging)} where import_id = ${id} order by line limit ${CHUNK})`,
        DEADLINE,
      ))
    } while (count === CHUNK)
  }
  await database.run((sql) => sql`delete from imports where id = ${id}`)
}

/** Locks first: nobody else takes an id, a code or a name until the end. Redirects and lists only read, and go on. */
async function prepare(sql: Transaction, files: { source: Source }[]) {
  await sql`set local statement_timeout = '60s'`
  await sql`set local lock_timeout = '60s'`
  await sql`select pg_advisory_xact_lock(${ONE_IMPORT_AT_A_TIME})`
  await sql`set local lock_timeout = '5s'`
  await sql`lock table users, urls in share row exclusive mode`
  await sql`set local plan_cache_mode = force_custom_plan` // a plan for any chunk is a bad one for each
  for (const { source } of files) await sql.unsafe(`analyze ${source.staging}`)
}

const insert = (sql: Parameters<Parameters<Database['run']>[0]>[0], staging: string, json: string) => sql`
  insert into ${sql(staging)} select * from json_populate_recordset(null::${sql(staging)}, ${json}::text::json)`

function* batches(rows: Staged[], importId: number) {
  let parts: string[] = []
  let size = 0
  for (const row of rows) {
    const json = JSON.stringify({ import_id: importId, ...row })
    parts.push(json)
    size += json.length
    if (parts.length < BATCH && size < BATCH_CHARACTERS) continue
    yield { rows: parts.length, json: `[${parts.join()}]` }
    parts = []
    size = 0
  }
  if (parts.length > 0) yield { rows: parts.length, json: `[${parts.join()}]` }
}

function chunksOf(rows: Staged[]): Load['chunks'] {
  const last = rows.at(-1)?.line ?? 0
  return Array.from({ length: Math.ceil(last / CHUNK) }, (_, index) => [index * CHUNK, (index + 1) * CHUNK])
}
