// A copy of every link on this machine, in SQLite: what makes redirects independent of the database. 1,000,000 links are some 60 MB.
import { Database } from 'bun:sqlite'
import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Position } from './position.ts'
import type { Target } from './target.ts'

export type EdgeCopy = ReturnType<typeof openEdgeCopy>

const SCHEMA = `
  create table if not exists links (
    code text primary key, id integer not null, location text, active integer not null, version integer not null) without rowid;
  create table if not exists position (one integer primary key check (one = 1), identity text not null, snapshot text not null, at integer not null)`

type Row = { id: number; location: string | null; active: number; version: number }

/** Opens the copy in a slot's folder; a file that SQLite cannot read is put away, and built anew. */
export function openEdgeCopy(folder: string) {
  const file = join(folder, 'edge.sqlite')
  let database = openSafely(file)
  let find = prepareFind(database)
  let put = preparePut(database)

  return {
    file,
    /** What the copy knows of a code: also that it was deleted (location null). Undefined: nothing. */
    get(code: string): Target | undefined {
      const row = find.get(code)
      return row ? { code, id: row.id, location: row.location, active: row.active === 1, version: row.version } : undefined
    },
    /** Takes changes, each only where it is newer than what is there, and the position that they lead to. */
    apply(targets: Target[], position?: Position) {
      database.transaction(() => {
        for (const { code, id, location, active, version } of targets) put.run(code, id, location, active ? 1 : 0, version)
        if (position) savePosition(database, position)
      })()
    },
    position: (): Position | undefined => readPosition(database),
    count: () => (database.query('select count(*) as count from links').get() as { count: number }).count,
    /** Takes the place of this copy, whole. */
    swap(built: string) {
      database.close()
      for (const ending of ['', '-wal', '-shm']) rmSync(file + ending, { force: true })
      renameSync(built, file)
      database = openSafely(file)
      find = prepareFind(database)
      put = preparePut(database)
    },
    close: () => database.close(),
  }
}

/** Writes a new copy into `file`, a chunk at a time; for edge-worker.ts. */
export function buildEdgeCopy(file: string) {
  for (const ending of ['', '-wal', '-shm', '-journal']) rmSync(file + ending, { force: true })
  const database = new Database(file, { create: true })
  database.run('pragma journal_mode = off')
  database.run('pragma synchronous = off') // it is nobody's copy until it is whole and synced by `finish`
  for (const statement of SCHEMA.split(';')) database.run(statement)
  const put = preparePut(database)
  let count = 0
  return {
    add(targets: Target[]) {
      database.transaction(() => {
        for (const { code, id, location, active, version } of targets) put.run(code, id, location, active ? 1 : 0, version)
      })()
      count += targets.length
    },
    finish(position: Position) {
      savePosition(database, position)
      database.run('pragma synchronous = full')
      database.run('pragma journal_mode = delete')
      database.close()
      return count
    },
  }
}

function openSafely(file: string): Database {
  try {
    return open(file)
  } catch (error) {
    if (!existsSync(file)) throw error
    putAway(file)
    return open(file)
  }
}

/** The log goes too: replayed into a new file, it would spoil that as well. */
function putAway(file: string) {
  renameSync(file, `${file}.unreadable`)
  for (const ending of ['-wal', '-shm']) rmSync(file + ending, { force: true })
}

function open(file: string): Database {
  const database = new Database(file, { create: true })
  try {
    database.run('pragma locking_mode = exclusive') // the slot is ours alone; a look-up without locks takes 2.9 µs, with them 5.1
    database.run('pragma journal_mode = wal')
    database.run('pragma synchronous = normal')
    database.run('pragma mmap_size = 1073741824')
    for (const statement of SCHEMA.split(';')) database.run(statement)
    readPosition(database)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

const prepareFind = (database: Database) =>
  database.query<Row, [string]>('select id, location, active, version from links where code = ?1')

const preparePut = (database: Database) =>
  database.query<null, [string, number, string | null, number, number]>(
    `insert into links (code, id, location, active, version) values (?1, ?2, ?3, ?4, ?5)
     on conflict (code) do update set id = ?2, location = ?3, active = ?4, version = ?5 where ?5 > version`,
  )

function savePosition(database: Database, { identity, snapshot, at }: Position) {
  database
    .query(
      'insert into position (one, identity, snapshot, at) values (1, ?1, ?2, ?3) on conflict (one) do update set identity = ?1, snapshot = ?2, at = ?3',
    )
    .run(identity, snapshot, at)
}

function readPosition(database: Database): Position | undefined {
  return (database.query('select identity, snapshot, at from position').get() as Position | null) ?? undefined
}
