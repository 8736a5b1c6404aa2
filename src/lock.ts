import { Database } from 'bun:sqlite'

// A collected handle gives its lock away, so they are kept here, where nothing is collected.
const held = ((globalThis as { waypostLocks?: Set<Database> }).waypostLocks ??= new Set())

/**
 * Takes the lock that `file` is, or returns undefined where another process (or this one) has it. An exclusive SQLite transaction: the
 * kernel takes it back at kill -9, and it needs no process ids, which are all 1 in containers.
 */
export function tryLock(file: string): (() => void) | undefined {
  const database = new Database(file, { create: true })
  try {
    database.run('pragma busy_timeout = 0')
    database.run('pragma locking_mode = exclusive')
    database.run('begin exclusive')
  } catch {
    database.close()
    return undefined
  }
  held.add(database)
  return () => {
    held.delete(database)
    database.close()
  }
}
