// Loads validated rows into the tables: 1,000 at a time into staging tables, then one transaction makes all of them visible.

import { Problem } from '../base/problem.ts'
import type { Database, Transaction } from '../database/guard.ts'
import { inPortions, portionUpTo } from '../database/portion.ts'
import type { By } from '../http/principal.ts'
import type { Load, Refusal, Source, Staged } from './source.ts'
import { SOURCES } from './sources.ts'
import { inTurn } from './take-turns.ts'

export type Counts = { imported: number; count: number }
export type Progress = (done: number, total: number) => void

const BATCH = 1_000
const BATCH_CHARACTERS = 1_000_000
const CHUNK = 10_000
const sweepPortion = portionUpTo(CHUNK)
const DEADLINE = 600_000
const ONE_IMPORT_AT_A_TIME = 7_767_002

/** Imports one file, all rows or none, for the caller `by`. Throws a Problem (400) that names the bad rows. */
export async function importFile(
  database: Database,
  source: Source,
  file: Uint8Array,
  refusal?: Refusal,
  by?: By,
): Promise<Counts> {
  const rows = await source.read(file, refusal)
  await importRows(database, [{ source, rows }], undefined, by)
  return { imported: rows.length, count: rows.length }
}

/** Imports the rows of several files together, in the given order. With several files, a problem names its file. */
export function importRows(
  database: Database,
  files: { source: Source; rows: Staged[] }[],
  progress: Progress = () => {},
  by?: By,
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
          await withFileName(files.length > 1 ? source.file : undefined, () =>
            source.store(sql, { ...source, id, chunks: chunksOf(rows), by }),
          )
      }, DEADLINE)
    } finally {
      await sweep(database, id).catch(() => {}) // the next import removes what is left
    }
    // The embedded database has no autovacuum that would update statistics.
    await database
      .run((sql) => sql.unsafe(`analyze ${files.map(({ source }) => source.table).join(', ')}`), DEADLINE)
      .catch(() => {})
  })
}

/** Adds the file's name to a problem. */
export async function withFileName<T>(file: string | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Problem) || !file) throw error
    const details = error.details?.map(({ field, message }) => ({ field: `${file}: ${field}`, message }))
    throw new Problem(error.status, `${file}: ${error.message}`, { details, cause: error })
  }
}

/** Starts an import, after removing what a killed one left behind. */
async function begin(database: Database): Promise<number> {
  const abandoned = await database.run(
    (sql) => sql<{ id: number }[]>`select id from imports where started_at < now() - interval '1 hour'`,
  )
  for (const { id } of abandoned) await sweep(database, id)
  const [row] = await database.run((sql) => sql<{ id: number }[]>`insert into imports default values returning id`)
  return row!.id
}

async function sweep(database: Database, id: number) {
  for (const { staging } of SOURCES)
    await inPortions(sweepPortion, async (limit) => {
      const { count } = await database.run(
        (sql) => sql`
          delete from ${sql(staging)} where import_id = ${id} and line in
            (select line from ${sql(staging)} where import_id = ${id} order by line limit ${limit})`,
        DEADLINE,
      )
      return count
    })
  await database.run((sql) => sql`delete from imports where id = ${id}`)
}

/** Locks the tables, so that nobody else takes an id, a code or a name until the end. Redirects and lists only read, and continue. */
async function prepare(sql: Transaction, files: { source: Source }[]) {
  await sql`set local statement_timeout = '60s'`
  await sql`set local lock_timeout = '60s'`
  await sql`select pg_advisory_xact_lock(${ONE_IMPORT_AT_A_TIME})`
  await sql`set local lock_timeout = '5s'`
  await sql`lock table users, urls in share row exclusive mode`
  await sql`set local plan_cache_mode = force_custom_plan` // a generic plan is bad for every chunk
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
