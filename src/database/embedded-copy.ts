// The embedded database has one backend, which a long snapshot would block for everyone. So a backup of a running one reads a copy of its files
// instead, made while an open transaction keeps the backend still. The copy looks like after a kill, which loses nothing.
import { constants, copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { tryLock } from '../base/lock.ts'
import { CLUSTER } from './embedded-files.ts'
import type { OpenDatabase } from './open.ts'

const COPYING_WITHIN = 10 * 60_000
const LEAVE_FREE = 64 * 1024 * 1024

/** Copies the cluster of `dataDir`, which `database` runs from, into a temporary folder there; returns it, and how to remove it. */
export async function copyEmbedded(database: OpenDatabase, dataDir: string): Promise<{ dataDir: string; remove: () => void }> {
  const from = join(resolve(dataDir), CLUSTER)
  const into = join(resolve(dataDir), 'copy')
  mkdirSync(into, { recursive: true, mode: 0o700 })
  const unlock = tryLock(join(into, 'copying.sqlite'))
  if (!unlock) throw new Error('another backup is running: wait until it ends')
  const remove = () => {
    unlock()
    rmSync(into, { recursive: true, force: true })
  }
  try {
    rmSync(join(into, CLUSTER), { recursive: true, force: true }) // of a backup that was killed
    await database.run((sql) => sql`checkpoint`.simple(), COPYING_WITHIN)
    await database.transaction(async (sql) => {
      const [wal] = await sql<[{ oldest: string; newest: string }]>`
        select pg_walfile_name(redo_lsn) as oldest, pg_walfile_name(pg_current_wal_insert_lsn()) as newest from pg_control_checkpoint()`
      const files = filesIn(from).filter((name) => isWanted(name, wal))
      assertRoom(
        into,
        files.reduce((sum, name) => sum + statSync(join(from, name)).size, 0),
      )
      for (const name of foldersIn(from)) mkdirSync(join(into, CLUSTER, name), { recursive: true, mode: 0o700 })
      for (const name of files) copyFileSync(join(from, name), join(into, CLUSTER, name), constants.COPYFILE_FICLONE)
    }, COPYING_WITHIN)
    return { dataDir: into, remove }
  } catch (error) {
    remove()
    throw error
  }
}

/** Of the write-ahead log, copies only what follows the checkpoint: the rest is up to 128 MB of segments kept for reuse. */
function isWanted(name: string, { oldest, newest }: { oldest: string; newest: string }): boolean {
  const segment = /^pg_wal\/([0-9A-F]{24})$/.exec(name)?.[1]
  return segment === undefined || (segment >= oldest && segment <= newest)
}

function assertRoom(folder: string, bytes: number) {
  const { bavail, bsize } = statfsSync(folder)
  if (bavail * bsize < bytes + LEAVE_FREE)
    throw new Error(
      `a backup of the running database needs a temporary copy, and ${dirname(folder)} has no space for ${Math.ceil(bytes / 1e6)} MB: free some, or stop waypost for the backup`,
    )
}

const entriesIn = (folder: string) => (existsSync(folder) ? (readdirSync(folder, { recursive: true }) as string[]) : [])
const filesIn = (folder: string) => entriesIn(folder).filter((name) => statSync(join(folder, name)).isFile())
const foldersIn = (folder: string) => ['.', ...entriesIn(folder).filter((name) => statSync(join(folder, name)).isDirectory())]
