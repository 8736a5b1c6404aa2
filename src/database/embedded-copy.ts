// The embedded database has one backend: a snapshot held for long would hold up everybody. So a backup of one that is served reads a copy of its
// files instead, made while an open transaction keeps the backend still: a copy of that moment, as after a kill, which loses nothing.
import {
  constants,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { tryLock } from '../lock.ts'
import type { OpenDatabase } from './connect.ts'
import { CLUSTER } from './embedded.ts'

const COPYING_WITHIN = 10 * 60_000
const LEAVE_FREE = 64 * 1024 * 1024

/** Copies the cluster of `dataDir`, which `database` is served from, into a folder of its own there; returns it, and how to put it away. */
export async function copyEmbedded(database: OpenDatabase, dataDir: string): Promise<{ dataDir: string; remove: () => void }> {
  const from = join(resolve(dataDir), CLUSTER)
  const into = join(resolve(dataDir), 'copy')
  mkdirSync(into, { recursive: true, mode: 0o700 })
  const unlock = tryLock(join(into, 'copying.sqlite'))
  if (!unlock) throw new Error('another backup is being made: wait for its end')
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

/**
 * A folder beside the cluster of `dataDir` for one that is being made, and the way to put it, whole, in the other's place. With `alike` it
 * begins as a copy of that one, which spares initdb's five seconds.
 */
export function besideEmbedded(dataDir: string, alike: boolean): { dataDir: string; takePlace: () => void; remove: () => void } {
  const place = join(resolve(dataDir), CLUSTER)
  const made = join(resolve(dataDir), 'restored')
  const old = `${place}.old`
  const remove = () => rmSync(made, { recursive: true, force: true })
  remove() // of a restore that was killed
  if (alike) cpSync(place, join(made, CLUSTER), { recursive: true })
  return {
    dataDir: made,
    takePlace() {
      rmSync(old, { recursive: true, force: true })
      if (existsSync(place)) renameSync(place, old)
      renameSync(join(made, CLUSTER), place)
      rmSync(old, { recursive: true, force: true })
    },
    remove,
  }
}

/** Of the write-ahead log only what follows the checkpoint: the rest is up to 128 MB of segments kept to be used again. */
function isWanted(name: string, { oldest, newest }: { oldest: string; newest: string }): boolean {
  const segment = /^pg_wal\/([0-9A-F]{24})$/.exec(name)?.[1]
  return segment === undefined || (segment >= oldest && segment <= newest)
}

function assertRoom(folder: string, bytes: number) {
  const { bavail, bsize } = statfsSync(folder)
  if (bavail * bsize < bytes + LEAVE_FREE)
    throw new Error(
      `a backup of the running database copies it first, and ${dirname(folder)} has no room for ${Math.ceil(bytes / 1e6)} MB: make some, or stop waypost for the backup`,
    )
}

const entriesIn = (folder: string) => (existsSync(folder) ? (readdirSync(folder, { recursive: true }) as string[]) : [])
const filesIn = (folder: string) => entriesIn(folder).filter((name) => statSync(join(folder, name)).isFile())
const foldersIn = (folder: string) => ['.', ...entriesIn(folder).filter((name) => statSync(join(folder, name)).isDirectory())]
