import { Database } from 'bun:sqlite'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Counts the links in the edge copy of a slot's folder, deleted ones too; undefined if there is no copy, `unreadable` if it cannot be read or its
 * replica runs. Never creates a copy.
 */
export function linksInCopy(folder: string): number | 'unreadable' | undefined {
  const file = join(folder, 'edge.sqlite')
  if (!existsSync(file)) return undefined
  let database: Database | undefined
  try {
    database = new Database(file, { readwrite: true })
    database.run('pragma locking_mode = exclusive') // without a shared memory file, for which a full disk has no space
    return (database.query('select count(*) as count from links').get() as { count: number }).count
  } catch (error) {
    return /no such table/.test((error as Error).message) ? 0 : 'unreadable'
  } finally {
    database?.close()
  }
}
