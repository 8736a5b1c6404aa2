// The tables where the rows of an import wait, one for each file, until one transaction makes all of them visible. Unlogged: what a crash empties was
// not imported yet.
import { copyField, copyIn } from '../database/copy.ts'
import type { Database, Transaction } from '../database/guard.ts'
import type { Pool } from '../database/pool.ts'
import type { Chunk, Load, Source, Staged } from './source.ts'

export const DEADLINE = 600_000
const ABANDONED = '1 hour'
/** Batches of rows between two collections of garbage. Bun itself waits until there are 200 MB of it. */
const COLLECT_EVERY = 30

/** The staging table of a kind of file in the import `id`. */
export const stagingOf = (source: Pick<Source, 'name'>, id: number) => `import_${source.name}_${id}`

/** Starts an import, after removing what killed ones left behind. Returns its id. */
export async function begin(database: Database, sources: Source[]): Promise<number> {
  const abandoned = await database.run(
    (sql) => sql<{ id: number }[]>`select id from imports where started_at < now() - ${ABANDONED}::interval`,
  )
  for (const { id } of abandoned) await end(database, sources, id)
  const [row] = await database.run((sql) => sql<{ id: number }[]>`insert into imports default values returning id`)
  return row!.id
}

/** Removes what an import staged. */
export async function end(database: Database, sources: Source[], id: number) {
  const tables = sources.map((source) => stagingOf(source, id)).join()
  await database.transaction(async (sql) => {
    await sql.unsafe(`drop table if exists ${tables}`)
    await sql`delete from imports where id = ${id}`
  })
}

/** Stages the rows of a file as they are read, and calls `staged` with their number. `referred`: other files refer to them. Returns the last line. */
export async function stage(
  database: Pool,
  source: Source,
  { id, referred }: { id: number; referred: boolean },
  batches: AsyncIterable<Staged[]>,
  staged: (rows: number) => void,
): Promise<number> {
  const table = stagingOf(source, id)
  const columns = source.staged.join()
  await database.run((sql) =>
    sql.unsafe(`create unlogged table ${table} as select ${columns} from import_${source.name} limit 0`),
  )
  const write = database.place().kind === 'embedded' ? insertRows : copyRows
  let last = 0
  let batch = 0
  let written: Promise<unknown> = Promise.resolve() // the previous batch, while the next one is read
  try {
    for await (const rows of batches) {
      await written
      if (++batch % COLLECT_EVERY === 0) Bun.gc(true)
      last = rows.at(-1)!.line
      written = write(database, table, source.staged, rows).then(() => staged(rows.length))
      written.catch(() => {}) // the next await throws it
    }
    await written
  } catch (error) {
    await written.catch(() => {})
    throw error
  }
  await database.transaction(async (sql) => {
    await sql.unsafe(`set local statement_timeout = ${DEADLINE}`)
    await sql.unsafe(`alter table ${table} add primary key (line)`)
    await sql.unsafe(`create index on ${table} (id) where there`)
    if (referred) await sql.unsafe(`create index on ${table} (file_id)`)
    await sql.unsafe(`analyze ${table}`)
  }, DEADLINE)
  return last
}

const copyRows = (database: Database, table: string, columns: readonly string[], rows: Staged[]) => {
  const text = rows.map((row) => columns.map((name) => copyField(row[name])).join('\t')).join('\n')
  return database.run((sql) => copyIn(sql, `${table} (${columns.join()})`, [`${text}\n`]), DEADLINE)
}

/** The embedded database does not read COPY. */
const insertRows = (database: Database, table: string, columns: readonly string[], rows: Staged[]) =>
  database.run(
    (sql) =>
      sql.unsafe(
        `insert into ${table} (${columns.join()}) select ${columns.join()} from json_populate_recordset(null::${table}, $1::text::json)`,
        [JSON.stringify(rows)],
      ),
    DEADLINE,
  )

/** A user of the same import may have received another id. */
export const followUsers = async (sql: Transaction, { staging, users }: Load, [after, upTo]: Chunk) =>
  users &&
  sql`
    update ${sql(staging)} s set user_id = f.id
    from ${sql(users)} f
    where s.line > ${after} and s.line <= ${upTo} and f.file_id = s.user_id and f.id <> f.file_id`

/** Selects the BadRows of a chunk whose user is neither in the database nor in the import. */
export const unknownUsers = (sql: Transaction, { staging }: Load, [after, upTo]: Chunk) => sql`
  select line, 'user_id' as column, format('must be the id of a user: %s does not exist', user_id) as message
  from ${sql(staging)} s
  where line > ${after} and line <= ${upTo} and not there and user_id is not null
    and not exists (select from users u where u.id = s.user_id)`

/** Moves the sequence, so that new ids are above those of the file. */
export const moveSequence = (sql: Transaction, { table, staging }: Load) => sql`
  select setval(${sequenceOf(table)}::text::regclass, highest.id)
  from (select greatest((select max(file_id) from ${sql(staging)}), (select max(id) from ${sql(table)})) as id) as highest,
    ${sql(sequenceOf(table))} as s
  where highest.id >= s.last_value`

/** Gives ids to rows whose id is taken and to rows without one; `which` is a further condition. */
export async function giveIds(sql: Transaction, { table, staging }: Load, [after, upTo]: Chunk, which = sql``) {
  const rows = sql`line > ${after} and line <= ${upTo} and not there ${which}`
  const next = sql`nextval(${sequenceOf(table)}::text::regclass)`
  // Two statements: with `or`, PostgreSQL would look up the id of each row by itself.
  await sql`update ${sql(staging)} s set id = ${next} from ${sql(table)} t where t.id = s.id and ${rows}`
  await sql`update ${sql(staging)} s set id = ${next} where s.id is null and ${rows}`
}

const sequenceOf = (table: string) => `${table}_id_seq`
