// What a backup holds, read in one snapshot and put back in one go: every row as JSON, so that any PostgreSQL takes what any other gave.
import { version } from '../version.ts'
import { BadBackup, FORMAT, type Header } from './backup-file.ts'
import type { OpenDatabase } from './connect.ts'
import type { Transaction } from './guard.ts'
import { newestSchema } from './migrate.ts'

/** In the order of their references, each with the columns that mean something in their own database only. The rest is of the moment. */
export const TABLES: Record<string, string[]> = {
  users: [],
  urls: ['xid'], // transactions of another cluster would be skipped by the change feed
  link_totals: [],
  click_series: [],
  click_breakdowns: [],
  click_days: [],
  click_months: [],
  events: [],
  journals: [], // how far each is stored: clicks that are still in one are stored once, wherever it is drained to
  click_rejects: [],
  erasures: ['xid', 'seen'], // begun anew
  api_keys: [],
  blocked_hosts: [],
  policy: [], // last: the triggers of the two before it write to it
}

/** Without a row in these a database counts as empty. */
const CONTENT = ['users', 'urls', 'events', 'api_keys', 'blocked_hosts']

const SEQUENCES = ['users_id_seq', 'urls_id_seq', 'click_rejects_id_seq', 'api_keys_id_seq', 'blocked_hosts_id_seq', 'event_ids']

const BATCH = 2_000
const BATCH_CHARACTERS = 2_000_000
export const A_DAY = 86_400_000
const REPLICA_LIVES = 10 // seconds since it was seen

/** How many rows of each table. */
export type Counts = Record<string, number>

/** The lines of a backup, in one snapshot: what is written meanwhile is not in it. Counts the rows into `counts`. */
export async function* backupLines(sql: Transaction, from: Header['database'], counts: Counts): AsyncGenerator<string[]> {
  await sql`set transaction isolation level repeatable read, read only`
  await unhurried(sql)
  const schema = await schemaOf(sql)
  if (schema === 0) throw new Error('there is nothing to back up: this database holds no schema of waypost')
  const months = await sql<{ month: string }[]>`
    select replace(substring(inhrelid::regclass::text from '\\d{4}_\\d\\d$'), '_', '-') as month
    from pg_inherits where inhparent = 'events'::regclass order by 1`
  const header: Header = {
    waypost: 'backup',
    format: FORMAT,
    release: version.number,
    schema,
    made_at: new Date().toISOString(),
    database: from,
    months: months.map(({ month }) => month).filter(Boolean),
    sequences: await reached(sql),
  }
  yield [JSON.stringify(header)]
  for (const [table, leftOut] of Object.entries(TABLES)) {
    const columns = await columnsOf(sql, table, leftOut)
    if (columns.length === 0) continue // of a release before it
    counts[table] = 0
    yield [JSON.stringify({ table, columns })]
    const rows = sql.unsafe<{ line: string }[]>(
      `select row_to_json(t)::text as line from (select ${columns.map(quoted).join()} from ${table}) t`,
    )
    for await (const some of rows.cursor(BATCH)) {
      counts[table] += some.length
      yield some.map(({ line }) => line)
    }
  }
}

/** What a backup is, from its first line. Throws BadBackup where this release does not understand it. */
export function headerOf(line: string | undefined, file: string): Header {
  const header = parsed<Header>(line)
  if (header?.waypost !== 'backup') throw new BadBackup(`${file} is no backup`)
  const { format, schema, release } = header
  if (format > FORMAT || schema > newestSchema)
    throw new BadBackup(
      `${file} was made by waypost ${release}, with schema version ${schema}; this release knows ${newestSchema}: use ${release} or a newer one`,
    )
  return header
}

/**
 * Puts the lines after the header in the place of all that is there. `inTransaction` runs a step: all in one transaction, or each in its own
 * where nobody sees the database before the end. Returns the rows put back.
 */
export async function putBack(
  header: Header,
  lines: AsyncIterable<string>,
  inTransaction: (step: (sql: Transaction) => Promise<unknown>) => Promise<unknown>,
): Promise<Counts> {
  const counts: Counts = {}
  let into: { table: string; columns: string[] } | undefined
  let batch: string[] = []
  let characters = 0

  async function flush() {
    if (!into || batch.length === 0) return
    const { table, columns } = into
    const names = columns.map(quoted).join()
    const json = `[${batch.join()}]`
    await inTransaction((sql) =>
      sql.unsafe(
        `insert into ${table} (${names}) overriding system value select ${names} from json_populate_recordset(null::${table}, $1::text::json)`,
        [json],
      ),
    )
    counts[table]! += batch.length
    batch = []
    characters = 0
  }

  await inTransaction((sql) => makeRoom(sql, header))
  for await (const line of lines) {
    if (line.startsWith('{"table":')) {
      await flush()
      into = parsed<{ table: string; columns: string[] }>(line)!
      if (!(into.table in TABLES)) throw new BadBackup(`the backup holds a table that this release does not know: ${into.table}`)
      counts[into.table] = 0
    } else {
      batch.push(line)
      characters += line.length
      if (batch.length === BATCH || characters > BATCH_CHARACTERS) await flush()
    }
  }
  await flush()
  await inTransaction(async (sql) => {
    for (const [name, value] of Object.entries(await reached(sql))) {
      const furthest = Math.max(value, header.sequences[name] ?? 0)
      if (furthest > 0) await sql`select setval(${name}::text::regclass, ${furthest}::bigint)`
    }
  })
  return counts
}

/**
 * Throws unless a restore takes nothing from anybody. `replace`: what is there may go. `schema`: the version that tables there must have.
 * Returns the version of an empty database.
 */
export async function assertTakes(database: OpenDatabase, replace: boolean, schema?: number): Promise<number | undefined> {
  return database.transaction(async (sql) => {
    const there = await schemaOf(sql)
    if (there === 0) return there
    if (schema !== undefined && there !== schema)
      throw new Error(
        `the database has schema version ${there} and the backup ${schema}: restore into a database without tables, which is brought up to date afterwards`,
      )
    const [{ live }] = await sql<[{ live: number }]>`
      select count(*)::int as live from replicas where seen_at > clock_timestamp() - make_interval(secs => ${REPLICA_LIVES})`
    if (live > 0) throw new Error(`${live === 1 ? 'a replica runs' : `${live} replicas run`} on this database: stop them first`)
    const [{ filled }] = await sql.unsafe<[{ filled: boolean }]>(
      `select ${CONTENT.map((table) => `exists (select from ${table})`).join(' or ')} as filled`,
    )
    if (filled && !replace)
      throw new Error('the database is not empty: --replace puts the backup in the place of all that is there')
    return filled ? undefined : there
  })
}

async function makeRoom(sql: Transaction, { months }: Header) {
  await unhurried(sql)
  await sql.unsafe('alter table urls disable trigger urls_stay_all')
  const there = await sql<{ name: string }[]>`
    select name from unnest(${Object.keys(TABLES)}::text[]) as name where to_regclass(name) is not null`
  await sql.unsafe(`truncate ${there.map(({ name }) => name).join()}`) // urls gets another file by it, which tells every edge copy to begin anew
  await sql.unsafe('alter table urls enable trigger urls_stay_all')
  for (const month of months) await sql`select create_events_partition(${`${month}-01T00:00:00Z`}::timestamptz)`
}

/** No limit but the command's own end; and times as every PostgreSQL reads them. */
const unhurried = (sql: Transaction) =>
  sql
    .unsafe(
      `set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0;
       set local timezone = 'UTC'; set local datestyle = 'ISO'; set local bytea_output = 'hex'`,
    )
    .simple()

async function schemaOf(sql: Transaction): Promise<number> {
  const [{ there }] = await sql<[{ there: boolean }]>`select to_regclass('schema_migrations') is not null as there`
  if (!there) return 0
  const [{ version }] = await sql<[{ version: number }]>`select coalesce(max(version), 0) as version from schema_migrations`
  return version
}

async function reached(sql: Transaction): Promise<Record<string, number>> {
  const values = SEQUENCES.map((name) => `'${name}', (select last_value - (not is_called)::int from ${name})`)
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

function parsed<T>(line: string | undefined): T | undefined {
  try {
    return JSON.parse(line ?? '') as T
  } catch {
    return undefined
  }
}
