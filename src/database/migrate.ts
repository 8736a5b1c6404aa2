import schema from '../../sql/0001-schema.sql' with { type: 'text' }
import search from '../../sql/search.sql' with { type: 'text' }
import type { Log } from '../telemetry/logs.ts'
import type { Database, Transaction } from './guard.ts'

/** In order; the version is the place in this list, from 1. A file that was released is never changed. */
const migrations = [{ name: '0001-schema', sql: schema }]
/** The schema version of this release. */
export const newestSchema = migrations.length

const LOCK = 7_767_000
const DEADLINE = 120_000
const MONTHS_AHEAD = 3

export type Migration = { version: number; name: string; applied_at: string | null }

/** The schema was made by a release too far ahead of this one; the message is one sentence for the operator. */
export class SchemaTooNew extends Error {
  override name = 'SchemaTooNew'
}

/**
 * Brings the schema to this release's version, in one transaction under an advisory lock: replicas that start together take turns.
 * Returns the names applied. `upTo` stops at an earlier version, for a backup of it. A schema one version ahead is fine (a rolling upgrade); further ahead throws SchemaTooNew.
 */
export async function migrate(database: Database, log: Log, upTo = newestSchema): Promise<string[]> {
  const applied = await database.transaction(async (sql) => {
    await takeTurn(sql)
    const version = await currentVersion(sql)
    if (version > newestSchema + 1)
      throw new SchemaTooNew(
        `the database has schema version ${version} and this release knows ${newestSchema}: use a newer waypost`,
      )
    if (version > newestSchema)
      log.info({ schema: version, known: newestSchema }, 'the schema is of the next release: this one works on it')
    const waiting = migrations.slice(version, upTo)
    for (const { name, sql: text } of waiting) {
      await sql.unsafe(text).simple()
      await sql`insert into schema_migrations (version, name) values (${migrations.findIndex((m) => m.name === name) + 1}, ${name})`
    }
    await sql`select create_events_partitions(${MONTHS_AHEAD})`
    return waiting.map(({ name }) => name)
  }, DEADLINE)
  await enableSearch(database, log)
  return applied
}

/** Every migration this release knows, and when it was applied. */
export async function migrationStatus(database: Database): Promise<Migration[]> {
  const rows = await database.run(
    (sql) => sql<{ exists: boolean }[]>`select to_regclass('schema_migrations') is not null as exists`,
  )
  const done = rows[0]!.exists
    ? await database.run(
        (sql) => sql<{ version: number; applied_at: string }[]>`select version, applied_at from schema_migrations`,
      )
    : []
  return migrations.map(({ name }, index) => ({
    version: index + 1,
    name,
    applied_at: done.find(({ version }) => version === index + 1)?.applied_at ?? null,
  }))
}

/** Makes the partitions of the months ahead; the server calls it once a day. */
export const preparePartitions = (database: Database) =>
  database.run((sql) => sql`select create_events_partitions(${MONTHS_AHEAD})`)

async function takeTurn(sql: Transaction) {
  await sql`set local statement_timeout = ${sql.unsafe(String(DEADLINE))}`
  await sql`set local lock_timeout = ${sql.unsafe(String(DEADLINE))}`
  await sql`select pg_advisory_xact_lock(${LOCK})`
}

async function currentVersion(sql: Transaction): Promise<number> {
  await sql`create table if not exists schema_migrations (
    version int primary key, name text not null, applied_at timestamptz(3) not null default now())`
  const [row] = await sql<{ version: number }[]>`select coalesce(max(version), 0) as version from schema_migrations`
  return row!.version
}

/** pg_trgm may be refused to an ordinary role: search then matches the beginning of a code, and says so once. */
async function enableSearch(database: Database, log: Log) {
  try {
    await database.transaction(async (sql) => {
      await takeTurn(sql) // two who make an extension at once: one of them fails, whatever `if not exists` says
      await sql.unsafe(search).simple()
    }, DEADLINE)
  } catch (error) {
    log.warn(
      { reason: (error as Error).message },
      'search finds codes by their beginning only: the extension pg_trgm could not be made',
    )
  }
}
