// The edge copy: every link, in SQLite on this machine, so that redirects do not depend on the database. 1,000,000 links take about 60 MB.
import { Database, SQLiteError } from 'bun:sqlite'
import { renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { MAX_ALIASES } from '../base/code.ts'
import type { Position } from '../database/position.ts'
import { putAside, type Unusable } from '../slot/put-aside.ts'
import type { Log } from '../telemetry/logs.ts'
import { COLUMNS, type Column, FORMAT, KEY, NAMES, type Row, rowOf } from './columns.ts'
import type { Target } from './target.ts'

export type EdgeCopy = ReturnType<typeof openEdgeCopy>

const TYPES = { text: 'text', integer: 'integer', flag: 'integer' }
const DEFINITIONS = Object.entries<Column>(COLUMNS).map(
  ([name, { kind, nullable }]) => `${name} ${TYPES[kind]}${name === KEY ? ' primary key' : nullable ? '' : ' not null'}`,
)
const OTHERS = NAMES.filter((name) => name !== KEY)
const SCHEMA = `
  create table if not exists links (
    ${DEFINITIONS.join(', ')}) without rowid;
  create table if not exists position (one integer primary key check (one = 1), identity text not null, snapshot text not null, at integer not null)`
const SIDE_FILES = ['-wal', '-shm', '-journal']
const BUSY_FOR = 1_000 // ms: an operator may have the file open in sqlite3

/** The file is not a valid edge copy. */
class InvalidCopy extends Error {
  constructor(
    message: string,
    readonly why: Unusable = 'damaged',
  ) {
    super(message)
  }
}

/**
 * Opens the copy in a slot's folder. A damaged copy, or one of another release, is logged, set aside and replaced by an empty one.
 * Opening never throws; every use throws the errors of SQLite, or `InvalidCopy` for an invalid row. `anyCase`: links are also found in another case.
 */
export function openEdgeCopy(folder: string, log: Pick<Log, 'error'>, anyCase = false) {
  const file = join(folder, 'edge.sqlite')
  let opened = openSafely(file, log, anyCase)

  function use() {
    if (!opened) throw new InvalidCopy(`${file} could not be opened`, 'unreadable')
    return opened
  }

  function valid(code: string, row: Record<string, unknown>): Target {
    const target = rowOf(code, row)
    if (!target) throw new InvalidCopy(`the row of ${code} is invalid`)
    return target
  }

  return {
    file,
    /** The link with this code; `location` is null if it was deleted. Undefined: unknown. */
    get(code: string): Target | undefined {
      const row = use().find.get(code)
      return row ? valid(code, row) : undefined
    },
    /** The links whose code in lower case is `key`; not all of them if there are more than a few. */
    inAnyCase: (key: string): Target[] =>
      use()
        .findInAnyCase.all(key)
        .map((row) => valid(row.code as string, row)),
    /** Applies changes that are newer than what is there, and saves the new position. */
    apply(targets: Target[], position?: Position) {
      const { database, put } = use()
      database.transaction(() => {
        for (const target of targets) put.run(...valuesOf(target))
        if (position) savePosition(database, position)
      })()
    },
    position: (): Position | undefined => readPosition(use().database),
    knowsLinks: () => use().database.query('select 1 from links limit 1').get() !== null,
    /** Whether an earlier release wrote it: its links have no rules, so it must be rebuilt as soon as the database can be reached. */
    outdated: () => opened?.outdated ?? false,
    count: () => (use().database.query('select count(*) as count from links').get() as { count: number }).count,
    /** Replaces this copy with the file `built`; a `damaged` copy is set aside instead of deleted. */
    swap(built: string, damaged: boolean) {
      opened?.database.close()
      opened = undefined
      if (damaged) putAside(file, 'damaged', SIDE_FILES)
      for (const ending of ['', ...SIDE_FILES]) rmSync(file + ending, { force: true })
      renameSync(built, file)
      opened = open(file, anyCase)
    },
    close: () => opened?.database.close(),
  }
}

/** Writes a new copy to `file`, chunk by chunk; for edge-worker.ts. */
export function buildEdgeCopy(file: string, anyCase = false) {
  if (!isFile(file)) putAside(file, 'unreadable')
  for (const ending of ['', ...SIDE_FILES]) rmSync(file + ending, { force: true })
  const database = new Database(file, { create: true })
  database.run('pragma journal_mode = off')
  database.run('pragma synchronous = off') // nobody uses it before `finish` has synced it
  createTables(database)
  const put = preparePut(database)
  let count = 0
  return {
    add(targets: Target[]) {
      database.transaction(() => {
        for (const target of targets) put.run(...valuesOf(target))
      })()
      count += targets.length
    },
    finish(position: Position) {
      savePosition(database, position)
      indexInLowerCase(database, anyCase) // in this thread: 2 s a million links
      database.run('pragma synchronous = full')
      database.run('pragma journal_mode = delete')
      database.close()
      return count
    },
  }
}

function openSafely(file: string, log: Pick<Log, 'error'>, anyCase: boolean): Opened | undefined {
  try {
    return open(file, anyCase)
  } catch (error) {
    const why = error instanceof InvalidCopy ? error.why : isDamage(error) ? 'damaged' : isFile(file) ? undefined : 'unreadable'
    const kept_as = why && putAside(file, why, SIDE_FILES)
    log.error(
      { file, reason: (error as Error).message, kept_as },
      `cannot use edge.sqlite${why ? ` (${why})` : ''}: redirects need the database until it is rebuilt`,
    )
    if (!why) return undefined
  }
  try {
    return open(file, anyCase)
  } catch {
    return undefined
  }
}

/**
 * Whether an error means that the file is damaged. Other errors come from the machine (full disk, too many open files) and leave the file
 * as it is.
 */
export const isDamage = (error: unknown) =>
  error instanceof InvalidCopy ||
  (error instanceof SQLiteError && !/^SQLITE_(FULL|BUSY|LOCKED|NOMEM|CANTOPEN|IOERR(?!_SHORT_READ))/.test(error.code ?? ''))

const isFile = (file: string) => statSync(file, { throwIfNoEntry: false })?.isFile() ?? true

type Opened = ReturnType<typeof open>

function open(file: string, anyCase: boolean) {
  const database = new Database(file, { create: true })
  try {
    database.run(`pragma busy_timeout = ${BUSY_FOR}`)
    database.run('pragma locking_mode = exclusive') // only we use the slot; a look-up takes 2.9 µs without locks, 5.1 µs with them
    const { user_version } = database.query('pragma user_version').get() as { user_version: number }
    if (user_version > FORMAT)
      throw new InvalidCopy(`it has format ${user_version}, but this release supports ${FORMAT}`, 'newer')
    database.run('pragma journal_mode = wal')
    database.run('pragma synchronous = normal')
    database.run('pragma mmap_size = 1073741824')
    const outdated = user_version < FORMAT && layoutOf(database) !== '[]'
    if (!outdated && user_version < FORMAT) createTables(database)
    if (outdated) addExtra(database)
    if (layoutOf(database) !== LAYOUT) throw new InvalidCopy('its tables differ from those of this release', 'older')
    indexInLowerCase(database, anyCase)
    readPosition(database)
    return {
      database,
      outdated,
      find: prepareFind(database),
      findInAnyCase: prepareFindInAnyCase(database),
      put: preparePut(database),
    }
  } catch (error) {
    database.close()
    throw error
  }
}

function createTables(database: Database) {
  for (const statement of SCHEMA.split(';')) database.run(statement)
  database.run(`pragma user_version = ${FORMAT}`)
}

/** Brings the table of an earlier release to this one's columns; `user_version` stays until the copy is rebuilt. */
function addExtra(database: Database) {
  const columns = database.query('pragma table_info(links)').all() as { name: string }[]
  if (!columns.some(({ name }) => name === 'extra')) database.run('alter table links add column extra text')
}

/** Keeps the index for another case only where it is used: it takes 18 MB a million links. */
const indexInLowerCase = (database: Database, anyCase: boolean) =>
  database.run(anyCase ? `create index if not exists ${INDEX} on links (lower(${KEY}))` : `drop index if exists ${INDEX}`)

const INDEX = 'links_in_lower_case'

/** The SQL of all tables, indexes and triggers of a database, but for that index. */
const layoutOf = (database: Database) =>
  JSON.stringify(
    database.query('select type, name, tbl_name, sql from sqlite_master where name <> ? order by type, name').all(INDEX),
  )

const LAYOUT = (() => {
  const database = new Database(':memory:')
  createTables(database)
  const layout = layoutOf(database)
  database.close()
  return layout
})()

const prepareFind = (database: Database) =>
  database.query<Record<string, unknown>, [string]>(`select ${OTHERS.join(', ')} from links where ${KEY} = ?1`)

const FEW = MAX_ALIASES + 2 // more than the codes of one link

const prepareFindInAnyCase = (database: Database) =>
  database.query<Record<string, unknown>, [string]>(`select ${NAMES.join(', ')} from links where lower(${KEY}) = ?1 limit ${FEW}`)

const preparePut = (database: Database) =>
  database.query<null, Row[keyof Row][]>(
    `insert into links (${NAMES.join(', ')}) values (${NAMES.map(() => '?').join(', ')})
     on conflict (${KEY}) do update set ${OTHERS.map((name) => `${name} = excluded.${name}`).join(', ')}
     where excluded.version > version`,
  )

const valuesOf = (target: Target) => NAMES.map((name) => target[name])

function savePosition(database: Database, { identity, snapshot, at }: Position) {
  database
    .query(
      'insert into position (one, identity, snapshot, at) values (1, ?1, ?2, ?3) on conflict (one) do update set identity = ?1, snapshot = ?2, at = ?3',
    )
    .run(identity, snapshot, at)
}

function readPosition(database: Database): Position | undefined {
  const found = database.query('select identity, snapshot, at from position').get() as Position | null
  if (!found) return undefined
  if (typeof found.identity !== 'string' || !SNAPSHOT.test(found.snapshot) || !Number.isSafeInteger(found.at))
    throw new InvalidCopy('its position is invalid')
  return found
}

/** A pg_snapshot of PostgreSQL: `xmin:xmax:xid,xid`. */
const SNAPSHOT = /^\d{1,20}:\d{1,20}:[\d,]*$/
