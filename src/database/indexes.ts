// Builds the indexes of large tables after the migration: during it, writers of a table with millions of rows would wait for each.
import text from '../../sql/indexes.sql' with { type: 'text' }
import type { Log } from '../telemetry/logs.ts'
import type { Database, Sql, Transaction } from './guard.ts'
import { withSessionLock } from './session-lock.ts'

const LOCK = 7_767_006
const WITHIN = 600_000
const INDEXES = [...text.matchAll(/^create index (\w+) on (\w+) .*$/gm)].map(([statement, name, table]) => ({
  statement,
  name: name!,
  table: table!,
}))

/** Builds all of them at once: for tables without rows. */
export const buildEmptyIndexes = (sql: Transaction) => sql.unsafe(text).simple()

/**
 * Builds the missing indexes, one replica at a time; others return at once. `external`: there are other sessions, which must not wait; the
 * embedded database has only one. An interrupted build is repeated at the next call.
 */
export async function buildIndexes(database: Database, log: Log, external: boolean): Promise<void> {
  for (const index of INDEXES) {
    if ((await database.run((sql) => stateOf(sql, index.name))) === 'built') continue
    const started = Date.now()
    if (!(await (external ? buildConcurrently : buildAlone)(database, index))) return
    log.info({ index: index.name, ms: Date.now() - started }, 'an index was built')
  }
}

type Index = (typeof INDEXES)[number]

/** Building concurrently cannot run in a transaction, so the lock and the time limit belong to the session. */
const buildConcurrently = (database: Database, { statement, name, table }: Index) =>
  withSessionLock(
    database,
    LOCK,
    async (session) => {
      try {
        const state = await stateOf(session, name)
        if (state === 'built') return true // by another replica
        await session.unsafe(`set statement_timeout = ${WITHIN}; set lock_timeout = ${WITHIN}`).simple()
        if (state === 'interrupted') await session.unsafe(`drop index concurrently ${name}`).simple()
        await session.unsafe(statement.replace('create index', 'create index concurrently')).simple()
        await session.unsafe(`analyze ${table}`).simple() // there are no statistics of expressions before
        return true
      } finally {
        await session
          .unsafe('reset statement_timeout; reset lock_timeout')
          .simple()
          .catch(() => {})
      }
    },
    WITHIN,
  )

const buildAlone = (database: Database, { statement, name, table }: Index) =>
  database.transaction(async (sql) => {
    await sql`set local statement_timeout = ${sql.unsafe(String(WITHIN))}`
    await sql`select pg_advisory_xact_lock(${LOCK})`
    if ((await stateOf(sql, name)) !== 'built')
      await sql.unsafe(`${statement.replace('create index', 'create index if not exists')}; analyze ${table}`).simple()
    return true
  }, WITHIN)

async function stateOf(sql: Pick<Sql, 'unsafe'>, name: string): Promise<'built' | 'interrupted' | undefined> {
  const [row] = await sql.unsafe<{ valid: boolean }[]>(
    'select indisvalid as valid from pg_index where indexrelid = to_regclass($1)',
    [name],
  )
  return row && (row.valid ? 'built' : 'interrupted')
}
