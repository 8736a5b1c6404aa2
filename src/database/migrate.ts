import schema from '../../sql/0001-schema.sql' with { type: 'text' }
import eventIds from '../../sql/0002-event-ids.sql' with { type: 'text' }
import caseRules from '../../sql/0003-case.sql' with { type: 'text' }
import tidyNames from '../../sql/0004-tidy-names.sql' with { type: 'text' }
import moreOfALink from '../../sql/0005-more-of-a-link.sql' with { type: 'text' }
import tags from '../../sql/0007-tags.sql' with { type: 'text' }
import reuse from '../../sql/0009-reuse.sql' with { type: 'text' }
import aliases from '../../sql/0011-aliases.sql' with { type: 'text' }
import clicks from '../../sql/0013-clicks.sql' with { type: 'text' }
import search from '../../sql/search.sql' with { type: 'text' }
import type { Log } from '../telemetry/logs.ts'
import { DatabaseUnreachable } from './database-unreachable.ts'
import { assertFit } from './fitness.ts'
import type { Database, Transaction } from './guard.ts'
import { buildEmptyIndexes } from './indexes.ts'
import { IDENTITY } from './position.ts'

/**
 * In order. All migrations of one release share one version, the next, and are applied together: the previous release, which works with a schema one
 * version ahead, can then be reinstalled. A released file is never changed, and nothing is added to its version.
 */
const migrations = [
  { version: 1, name: '0001-schema', sql: schema },
  { version: 2, name: '0002-event-ids', sql: eventIds },
  { version: 2, name: '0003-case', sql: caseRules },
  { version: 2, name: '0004-tidy-names', sql: tidyNames },
  { version: 2, name: '0005-more-of-a-link', sql: moreOfALink },
  { version: 2, name: '0007-tags', sql: tags },
  { version: 2, name: '0009-reuse', sql: reuse },
  { version: 2, name: '0011-aliases', sql: aliases },
  { version: 2, name: '0013-clicks', sql: clicks },
]
/** The schema version of this release. */
export const newestSchema = migrations.at(-1)!.version

const LOCK = 7_767_000
const DEADLINE = 120_000
const MONTHS_AHEAD = 3
/** The years that ids of events can express. */
const FIRST_YEAR = 2025
const LAST_YEAR = 2084

type Migration = { version: number; name: string; applied_at: string | null }

/** A newer release created the schema, too far ahead of this one; the message is one sentence for the operator. */
export class SchemaTooNew extends Error {
  override name = 'SchemaTooNew'
}

/** The database's clock shows a time for which no schema can be created; the caller waits until it is set. */
class ClockWrong extends DatabaseUnreachable {
  override name = 'ClockWrong'
  constructor(words: string) {
    super(words, undefined, words)
    this.message = words
  }
}

/**
 * Upgrades the schema to this release's version, in one transaction under an advisory lock: replicas that start together take turns. Returns the names
 * of the applied migrations. `upTo` stops at an earlier version, for restoring a backup of it. A schema one version ahead is fine (a rolling upgrade).
 * Throws SchemaTooNew if it is further ahead, DatabaseUnfit for an unusable database, and ClockWrong if there is no schema and the clock is wrong.
 */
export async function migrate(database: Database, log: Log, upTo = newestSchema): Promise<string[]> {
  const applied = await database.transaction(async (sql) => {
    await assertFit(sql)
    await takeTurn(sql)
    const version = await currentVersion(sql)
    if (version > newestSchema + 1)
      throw new SchemaTooNew(
        `the database has schema version ${version} and this release knows version ${newestSchema}: use a newer waypost`,
      )
    if (version > newestSchema)
      log.info({ schema: version, known: newestSchema }, 'the schema is of the next release, which this one supports')
    if (version === 0) await assertClock(sql)
    const waiting = migrations.filter((one) => one.version > version && one.version <= upTo)
    for (const [version, files] of Map.groupBy(waiting, (one) => one.version)) {
      for (const file of files) await sql.unsafe(file.sql).simple()
      await sql`insert into schema_migrations (version, name) values (${version}, ${files.map(({ name }) => name).join(', ')})`
    }
    if (version === 0 && upTo === newestSchema) await buildEmptyIndexes(sql)
    if (waiting.length > 0 && upTo === newestSchema) await sql`update lease_epoch set identity = ${sql.unsafe(IDENTITY)}`
    await sql`select create_events_partitions(${MONTHS_AHEAD})`
    return waiting.map(({ name }) => name)
  }, DEADLINE)
  await enableSearch(database, log)
  return applied
}

/** Creates the index for looking up codes in any case, if CODES requires it. It contains only codes with capitals. */
export const indexCodesInLowerCase = (database: Database) =>
  database.transaction(async (sql) => {
    await takeTurn(sql)
    await sql`
      create index if not exists urls_in_lower_case on urls (folded(short_code)) where short_code <> folded(short_code)`
  }, DEADLINE)

/** Every migration of this release, and when it was applied. */
export async function migrationStatus(database: Database): Promise<Migration[]> {
  const rows = await database.run(
    (sql) => sql<{ exists: boolean }[]>`select to_regclass('schema_migrations') is not null as exists`,
  )
  const done = rows[0]!.exists
    ? await database.run(
        (sql) => sql<{ version: number; applied_at: string }[]>`select version, applied_at from schema_migrations`,
      )
    : []
  return migrations.map(({ version, name }) => ({
    version,
    name,
    applied_at: done.find((one) => one.version === version)?.applied_at ?? null,
  }))
}

/** Creates the partitions for the months ahead of `at`, ms since 1970, which the caller trusts. */
export const preparePartitions = (database: Database, at: number) =>
  database.run((sql) => sql`select create_events_partitions(${MONTHS_AHEAD}, to_timestamp(${at / 1000}::float8))`)

/** The first schema takes ids and partitions from the clock. A machine without a battery-backed clock boots in 1970, or at its build date. */
async function assertClock(sql: Transaction) {
  const [row] = await sql<{ year: number; shown: string }[]>`
    select extract(year from clock_timestamp() at time zone 'UTC')::int as year,
      to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as shown`
  if (row!.year < FIRST_YEAR || row!.year > LAST_YEAR)
    throw new ClockWrong(
      `the clock of the database shows ${row!.shown} UTC, which is wrong: set it, and waypost creates the tables`,
    )
}

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

/** Creates pg_trgm if the role is allowed to. Otherwise searches read only the newest links, and a warning is logged once. */
async function enableSearch(database: Database, log: Log) {
  try {
    await database.transaction(async (sql) => {
      await takeTurn(sql) // of two concurrent `create extension` one fails, despite `if not exists`
      await sql.unsafe(search).simple()
    }, DEADLINE)
  } catch (error) {
    log.warn(
      { reason: (error as Error).message },
      'searches by relevance read only the newest links, and others are slow: the extension pg_trgm could not be created',
    )
  }
}
