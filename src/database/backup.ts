// The content of a backup, read in one snapshot and restored at once: every row as text, so that any PostgreSQL accepts it.
import type { Tables } from '../base/resource.ts'
import { version } from '../base/version.ts'
import { BadBackup, countRows, FORMAT, type Header, type Part, tableParts } from './backup-file.ts'
import { copyIn, copyOut, jsonOf } from './copy.ts'
import { assertFit } from './fitness.ts'
import type { Transaction } from './guard.ts'
import { newestSchema } from './migrate.ts'
import type { OpenDatabase } from './open.ts'

const BATCH = 2_000
const BATCH_CHARACTERS = 2_000_000
const COPY_BYTES = 4_000_000
export const A_DAY = 86_400_000
const REPLICA_LIVES = 10 // seconds since its last heartbeat

/** Number of rows by table. */
export type Counts = Record<string, number>

/** The numbers of rows in words. Clicks are events. */
export const summary = ({ users = 0, urls = 0, events = 0, clicks = 0 }: Counts) =>
  `${users} users, ${urls} links, ${events + clicks} events`

/** The parts of a backup of `tables`, from one snapshot, which later changes do not affect. Counts the rows into `counts`. */
export async function* backupParts(
  sql: Transaction,
  tables: Tables,
  from: Header['database'],
  counts: Counts,
): AsyncGenerator<Part> {
  await sql`set transaction isolation level repeatable read, read only`
  await removeLimits(sql)
  await assertFit(sql)
  const schema = await schemaOf(sql)
  if (schema === 0) throw new Error('there is nothing to back up: this database has no tables of waypost')
  const months = await sql<{ month: string }[]>`
    select distinct replace(substring(inhrelid::regclass::text from '\\d{4}_\\d\\d$'), '_', '-') as month
    from pg_inherits where inhparent in ('events'::regclass, to_regclass('clicks')) order by 1`
  const header: Header = {
    waypost: 'backup',
    format: FORMAT,
    release: version.number,
    schema,
    made_at: new Date().toISOString(),
    database: from,
    months: months.map(({ month }) => month).filter(Boolean),
    sequences: await lastValues(sql, tables),
  }
  yield JSON.stringify(header)
  for (const [table, { leftOut = [] }] of Object.entries(tables)) {
    const columns = await columnsOf(sql, table, leftOut)
    if (columns.length === 0) continue // an older release without this table
    counts[table] = 0
    for await (const part of tableParts(table, columns, copyOut(sql, `(select ${columns.map(quoted).join()} from ${table})`))) {
      if (typeof part !== 'string') counts[table] += countRows(part)
      yield part
    }
  }
}

/** Parses a backup's first line. Throws BadBackup if this release cannot read the backup. */
export function headerOf(line: Part | undefined, file: string): Header {
  const header = parsed<Header>(line)
  if (header?.waypost !== 'backup') throw new BadBackup(`${file} is not a backup`)
  const { format, schema, release } = header
  if (format > FORMAT || schema > newestSchema)
    throw new BadBackup(
      `${file} was made by waypost ${release}, with schema version ${schema}; this release knows version ${newestSchema}: use waypost ${release} or newer`,
    )
  return header
}

/**
 * Replaces the content of all tables by the parts after the header. `inTransaction` runs a step: all steps in one transaction, or each in a separate
 * one if nobody sees the database before the end. `copies`: the database reads COPY. Returns the number of restored rows.
 */
export async function restoreRows(
  tables: Tables,
  header: Header,
  parts: AsyncIterable<Part>,
  inTransaction: (step: (sql: Transaction) => Promise<unknown>) => Promise<unknown>,
  copies: boolean,
): Promise<Counts> {
  const counts: Counts = {}
  let into: Into | undefined
  let rows: (string | Uint8Array)[] = []
  let size = 0

  async function flush() {
    const [to, given] = [into, rows]
    rows = []
    size = 0
    if (!to || given.length === 0) return
    if (typeof given[0] === 'string') await inTransaction((sql) => insertJson(sql, to, given as string[]))
    else if (copies) await inTransaction((sql) => copyIn(sql, `${to.table} (${to.columns.map(quoted).join()})`, given))
    else
      for (const some of batchesOf(given as Uint8Array[]))
        await inTransaction((sql) =>
          insertJson(
            sql,
            to,
            some.map((row) => jsonOf(row, to.columns, to.json)),
          ),
        )
  }

  await inTransaction((sql) => clearTables(sql, tables, header))
  for await (const part of parts) {
    if (typeof part === 'string' && part.startsWith('{"table":')) {
      await flush()
      const { table, columns } = parsed<{ table: string; columns: string[] }>(part)!
      if (!(table in tables)) throw new BadBackup(`the backup contains a table that this release does not know: ${table}`)
      counts[table] = 0
      await inTransaction(async (sql) => {
        into = { table, columns, json: await jsonColumnsOf(sql, table) }
      })
    } else if (into) {
      rows.push(part)
      size += part.length
      counts[into.table]! += typeof part === 'string' ? 1 : countRows(part)
      if (typeof part === 'string' ? rows.length === BATCH || size > BATCH_CHARACTERS : size > COPY_BYTES) await flush()
    }
  }
  await flush()
  await inTransaction(async (sql) => {
    for (const [name, value] of Object.entries(await lastValues(sql, tables))) {
      const furthest = Math.max(value, header.sequences[name] ?? 0)
      if (furthest > 0) await sql`select setval(${name}::text::regclass, ${furthest}::bigint)`
    }
  })
  return counts
}

/** `json`: the columns of JSON. */
type Into = { table: string; columns: string[]; json: Set<string> }

/** Inserts rows that are JSON objects. */
const insertJson = (sql: Transaction, { table, columns }: Into, rows: string[]) => {
  const names = columns.map(quoted).join()
  return sql.unsafe(
    `insert into ${table} (${names}) overriding system value select ${names} from json_populate_recordset(null::${table}, $1::text::json)`,
    [`[${rows.join()}]`],
  )
}

/** The rows of pieces that COPY wrote, so many at a time that a statement of the embedded database stays short. */
function* batchesOf(pieces: Uint8Array[]) {
  for (const piece of pieces) {
    const rows = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString('utf8').split('\n')
    rows.pop()
    for (let at = 0; at < rows.length; at += BATCH) yield rows.slice(at, at + BATCH)
  }
}

async function jsonColumnsOf(sql: Transaction, table: string): Promise<Set<string>> {
  const rows = await sql<{ name: string }[]>`
    select attname as name from pg_attribute
    where attrelid = to_regclass(${table}) and attnum > 0 and atttypid in ('json'::regtype, 'jsonb'::regtype)`
  return new Set(rows.map(({ name }) => name))
}

/**
 * Throws if a restore would overwrite data or disturb a replica. `replace` allows it to overwrite. `schema`: the version that existing tables need.
 * Returns the schema version if the database is empty.
 */
export async function assertRestorable(
  database: OpenDatabase,
  tables: Tables,
  replace: boolean,
  schema?: number,
): Promise<number | undefined> {
  return database.transaction(async (sql) => {
    const there = await schemaOf(sql)
    if (there === 0) return there
    if (schema !== undefined && there !== schema)
      throw new Error(
        `the database has schema version ${there} and the backup ${schema}: restore into a database without tables; waypost upgrades it afterwards`,
      )
    const [{ live }] = await sql<[{ live: number }]>`
      select count(*)::int as live from replicas where seen_at > clock_timestamp() - make_interval(secs => ${REPLICA_LIVES})`
    if (live > 0) throw new Error(`${live === 1 ? 'a replica runs' : `${live} replicas run`} on this database: stop them first`)
    const content = await present(
      sql,
      Object.keys(tables).filter((table) => tables[table]!.content),
    )
    const [{ filled }] = await sql.unsafe<[{ filled: boolean }]>(
      `select ${content.map((table) => `exists (select from ${table})`).join(' or ')} as filled`,
    )
    if (filled && !replace) throw new Error('the database is not empty: add --replace to replace everything in it by the backup')
    return filled ? undefined : there
  })
}

async function clearTables(sql: Transaction, tables: Tables, { months }: Header) {
  await removeLimits(sql)
  await sql.unsafe('alter table urls disable trigger urls_stay_all')
  for (const month of months) await sql`select create_events_partition(${`${month}-01T00:00:00Z`}::timestamptz)`
  const there = await present(sql, Object.keys(tables))
  await sql.unsafe(`truncate ${there.join()}`) // this gives urls a new file, so that every edge copy is rebuilt
  await sql.unsafe('alter table urls enable trigger urls_stay_all')
}

/** No time limits; and rows hidden by a policy are an error, because a partial backup is useless. */
const removeLimits = (sql: Transaction) =>
  sql
    .unsafe('set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0; set local row_security = off')
    .simple()

async function schemaOf(sql: Transaction): Promise<number> {
  const [{ there }] = await sql<[{ there: boolean }]>`select to_regclass('schema_migrations') is not null as there`
  if (!there) return 0
  const [{ version }] = await sql<[{ version: number }]>`select coalesce(max(version), 0) as version from schema_migrations`
  return version
}

/** Those of `names` that exist: the schema may be of an older release. */
async function present(sql: Transaction, names: string[]): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select name from unnest(${names}::text[]) as name where to_regclass(name) is not null`
  return rows.map(({ name }) => name)
}

async function lastValues(sql: Transaction, tables: Tables): Promise<Record<string, number>> {
  const sequences = Object.values(tables).flatMap(({ sequence = [] }) => sequence)
  const values = (await present(sql, sequences)).map(
    (name) => `'${name}', (select last_value - (not is_called)::int from ${name})`,
  )
  const [{ reached }] = await sql.unsafe<[{ reached: Record<string, number> }]>(
    `select json_build_object(${values.join()}) as reached`,
  )
  return reached
}

async function columnsOf(sql: Transaction, table: string, leftOut: string[]): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select attname as name from pg_attribute
    where attrelid = to_regclass(${table}) and attnum > 0 and not attisdropped and attname <> all (${leftOut}) order by attnum`
  return rows.map(({ name }) => name)
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`

function parsed<T>(line: Part | undefined): T | undefined {
  try {
    return JSON.parse(String(line ?? '')) as T
  } catch {
    return undefined
  }
}
