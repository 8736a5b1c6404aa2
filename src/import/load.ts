// Loads files into the tables: rows are staged while they are read, then one transaction makes all of them visible.

import { Problem } from '../base/problem.ts'
import type { Transaction } from '../database/guard.ts'
import { buildIndexes, dropIndexes } from '../database/indexes.ts'
import type { Pool } from '../database/pool.ts'
import type { By } from '../http/principal.ts'
import type { CsvFile } from './csv-file.ts'
import type { Chunk, Refusal, Source } from './source.ts'
import { SOURCES } from './sources.ts'
import { begin, DEADLINE, end, stage, stagingOf } from './staging.ts'
import { inTurn } from './take-turns.ts'

/** How much of the files has been read, from 0 to 1, and the number of rows. */
export type Progress = (share: number, rows: number) => void
/** One file, and its kind. */
export type Given = { source: Source; file: CsvFile }
/** `by`: the caller. `indexing` gets the end of work that is left when all rows are visible: a large import builds indexes last. */
export type Options = {
  progress?: Progress
  refusal?: Refusal
  by?: By
  indexing?: (built: Promise<void>) => void
}

/** Rows of a statement on the embedded database, which does nothing else in the meantime. */
const CHUNK = 10_000
/** So many links, and so few existing ones in proportion, are worth building indexes again. */
const MANY = 50_000
const MANIFOLD = 0.1
const ONE_IMPORT_AT_A_TIME = 7_767_002

/**
 * Imports files together, in the given order, all rows or none. Returns the number of rows of each. Throws a Problem (400) that
 * names the bad rows and, with several files, their file.
 */
export async function importAll(
  database: Pool,
  files: Given[],
  { progress = () => {}, refusal, by, indexing = () => {} }: Options = {},
): Promise<number[]> {
  let rebuild = false
  const imported = await inTurn(async () => {
    const id = await begin(database, SOURCES)
    const size = files.reduce((sum, { file }) => sum + file.size, 0)
    const named = <T>(source: Source, work: () => Promise<T>) => withFileName(files.length > 1 ? source.file : undefined, work)
    let bytes = 0
    let total = 0
    try {
      const read: { source: Source; rows: number; last: number; recode: number[] }[] = []
      for (const { source, file } of files) {
        const counted = { source, rows: 0, last: 0, recode: [] }
        const batches = source.read(
          countedBytes(file, (length) => (bytes += length)),
          refusal,
          counted.recode,
        )
        counted.last = await named(source, () =>
          stage(database, source, { id, referred: source !== files.at(-1)!.source }, batches, (rows) => {
            counted.rows += rows
            total += rows
            progress(bytes / size, total)
          }),
        )
        read.push(counted)
      }
      const links = read.find(({ source }) => source.table === 'urls')
      rebuild = links !== undefined && (await growsManifold(database, links.rows))
      if (rebuild) await dropIndexes(database, 'urls')
      await database.transaction(async (sql) => {
        await prepare(sql)
        const stagingIf = (name: Source['name']) => read.find(({ source }) => source.name === name) && stagingOf({ name }, id)
        const references = { users: stagingIf('users'), links: stagingIf('links') }
        for (const { source, last, recode } of read)
          await named(source, () =>
            source.store(sql, {
              table: source.table,
              staging: stagingOf(source, id),
              ...references,
              chunks: database.place().kind === 'embedded' ? chunksUpTo(last) : [[0, last]],
              by,
              recode,
            }),
          )
      }, DEADLINE)
      return read.map(({ rows }) => rows)
    } finally {
      await end(database, SOURCES, id).catch(() => {}) // a later import removes what is left
      if (rebuild) indexing(buildIndexes(database, undefined, true).catch(() => {})) // a server does it later
    }
  })
  // The embedded database has no autovacuum that would update statistics.
  await database
    .run((sql) => sql.unsafe(`analyze ${files.map(({ source }) => source.table).join(', ')}`), DEADLINE)
    .catch(() => {})
  return imported
}

/** Imports one file. */
export async function importFile(database: Pool, source: Source, file: CsvFile, refusal?: Refusal, by?: By) {
  const [imported] = await importAll(database, [{ source, file }], { refusal, by })
  return { imported: imported!, count: imported! }
}

/** Whether so many links come that building indexes afterwards is faster. Only sessions of an external database can drop and build them unnoticed. */
async function growsManifold(database: Pool, links: number): Promise<boolean> {
  const at = database.place()
  if (links < MANY || at.kind === 'embedded' || at.session.pooled) return false
  const [there] = await database.run(
    (sql) => sql<{ count: number }[]>`select count(*) as count from (select from urls limit ${links}) as counted`,
  )
  return there!.count <= links * MANIFOLD
}

/** Adds the file's name to a problem. */
async function withFileName<T>(file: string | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Problem) || !file) throw error
    const details = error.details?.map(({ field, message }) => ({ field: `${file}: ${field}`, message }))
    throw new Problem(error.status, `${file}: ${error.message}`, { details, cause: error })
  }
}

/** Locks the tables, so that nobody else takes an id, a code or a name until the end. Redirects and lists only read, and continue. */
async function prepare(sql: Transaction) {
  await sql`set local statement_timeout = ${sql.unsafe(String(DEADLINE))}`
  await sql`set local lock_timeout = '60s'`
  await sql`select pg_advisory_xact_lock(${ONE_IMPORT_AT_A_TIME})`
  await sql`set local lock_timeout = '5s'`
  await sql`lock table users, urls in share row exclusive mode`
  await sql`set local plan_cache_mode = force_custom_plan` // a generic plan is bad for every chunk
  await sql`set local work_mem = '32MB'`
}

const chunksUpTo = (last: number): Chunk[] =>
  Array.from({ length: Math.ceil(last / CHUNK) }, (_, index) => [index * CHUNK, (index + 1) * CHUNK])

/** The file, which tells how many bytes are read from it, once. */
function countedBytes(file: CsvFile, count: (bytes: number) => void): CsvFile {
  let first = true
  return {
    ...file,
    async *slices() {
      const counts = first
      first = false
      for await (const slice of file.slices()) {
        if (counts) count(slice.length)
        yield slice
      }
    },
  }
}
