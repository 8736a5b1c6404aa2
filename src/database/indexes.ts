// Builds the indexes of large tables after the migration: during it, writers of a table with millions of rows would wait for each.
import text from '../../sql/indexes.sql' with { type: 'text' }
import search from '../../sql/search.sql' with { type: 'text' }
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

/** The index for searches. The migration creates it, and a large import drops it. */
const SEARCH = /^create index if not exists (urls_search) on (urls) [^;]+/m.exec(search)!

/** Builds all of them at once: for tables without rows. */
export const buildEmptyIndexes = (sql: Transaction) => sql.unsafe(text).simple()

/**
 * Builds the missing indexes, one replica at a time; others return at once. `external`: there are other sessions, which must not wait; the
 * embedded database has only one. An interrupted build is repeated at the next call.
 */
export async function buildIndexes(database: Database, log: Log | undefined, external: boolean): Promise<void> {
  for (const index of [...INDEXES, ...(await searchIndex(database))]) {
    if ((await database.run((sql) => stateOf(sql, index.name))) === 'built') continue
    const started = Date.now()
    if (!(await (external ? buildConcurrently : buildAlone)(database, index))) return
    log?.info({ index: index.name, ms: Date.now() - started }, 'an index was built')
  }
}

type Index = (typeof INDEXES)[number]

/** None without the extension; its operator class is named with the extension's schema, which may not be in search_path. */
async function searchIndex(database: Database): Promise<Index[]> {
  const [extension] = await database.run(
    (sql) => sql<{ schema: string }[]>`
      select quote_ident(n.nspname) as schema from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_trgm'`,
  )
  if (!extension) return []
  const [statement, name, table] = SEARCH
  return [
    {
      statement: statement.replace(' if not exists', '').replace('gin_trgm_ops', `${extension.schema}.gin_trgm_ops`),
      name: name!,
      table: table!,
    },
  ]
}

/**
 * Drops those of a table, before so many rows are added to it that building them afterwards takes a fraction of the time: an index that is built
 * sorts its rows, one that grows takes them one by one. Nobody waits, and an index that somebody reads for long may stay. Call buildIndexes afterwards.
 */
export async function dropIndexes(database: Database, table: string): Promise<void> {
  const dropped = [...INDEXES, { name: SEARCH[1]!, table: SEARCH[2]! }].filter((index) => index.table === table)
  await inSession(database, async (session) => {
    for (const { name } of dropped) await session.unsafe(`drop index concurrently if exists ${name}`).simple()
    return true
  }).catch(() => {})
}

/** Building or dropping concurrently cannot run in a transaction, so the lock and the time limit belong to the session. */
const buildConcurrently = (database: Database, { statement, name, table }: Index) =>
  inSession(database, async (session) => {
    const state = await stateOf(session, name)
    if (state === 'built') return true // by another replica
    await session.unsafe(`set statement_timeout = ${WITHIN}; set lock_timeout = ${WITHIN}`).simple()
    if (state === 'interrupted') await session.unsafe(`drop index concurrently ${name}`).simple()
    await session.unsafe(statement.replace('create index', 'create index concurrently')).simple()
    await session.unsafe(`analyze ${table}`).simple() // there are no statistics of expressions before
    return true
  })

/** Runs `work` in one session. Returns false if another session does such work. */
const inSession = async (database: Database, work: (session: Reserved) => Promise<boolean>) =>
  (await withSessionLock(
    database,
    LOCK,
    async (session) => {
      try {
        return await work(session)
      } finally {
        await session
          .unsafe('reset statement_timeout; reset lock_timeout')
          .simple()
          .catch(() => {})
      }
    },
    WITHIN,
  )) === true

type Reserved = Awaited<ReturnType<Sql['reserve']>>

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
