// File operations on the folders of the embedded database: sync, check, set aside.
import { closeSync, constants, fsyncSync, lstatSync, mkdirSync, openSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { isUnsyncable } from '../base/atomic-write.ts'

/** The cluster's folder in DATA_DIR, named after PostgreSQL's major version: another version cannot open it. */
export const CLUSTER = 'pg18'

/** The folder in which a cluster is created until it is complete; it has no data, and is useless after a kill. */
export const MAKING = `${CLUSTER}.making`

/** The file in DATA_DIR that records that a cluster was created or opened there. */
export const MADE_HERE = 'embedded.json'

/** Prefix of folders in DATA_DIR with what was set aside. */
export const ASIDE = 'set-aside-'

/** Whether the name exists, also as a dangling link, to an unmounted disk for instance. */
export const isSomething = (path: string) => lstatSync(path, { throwIfNoEntry: false }) !== undefined

export function isEmptyFolder(path: string): boolean {
  try {
    return readdirSync(path).length === 0
  } catch {
    return false
  }
}

/**
 * Moves `names` from the folder `root` to a new folder in it, named by the time, and returns that; undefined if none of them exists. Overwrites
 * nothing.
 */
export function setAside(root: string, names: string[]): string | undefined {
  const there = names.filter((name) => isSomething(join(root, name)))
  if (there.length === 0) return undefined
  const aside = newFolder(join(root, `${ASIDE}${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}`))
  for (const name of there) {
    try {
      renameSync(join(root, name), join(aside, name))
    } catch (error) {
      throw new Error(
        `${join(root, name)} cannot be moved to ${aside} (${(error as NodeJS.ErrnoException).code}): move it to another place yourself`,
      )
    }
  }
  syncFolder(root)
  return aside
}

function newFolder(name: string): string {
  for (let number = 1; ; number++) {
    const folder = number === 1 ? name : `${name}-${number}`
    if (isSomething(folder)) continue
    mkdirSync(folder, { mode: 0o700 })
    return folder
  }
}

/** Syncs every file and folder in `folder`. */
export function syncAll(folder: string) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) syncAll(path)
    else if (entry.isFile()) sync(path, constants.O_RDONLY)
  }
  syncFolder(folder)
}

/** Syncs the names in `folder`. */
export const syncFolder = (folder: string) => sync(folder, constants.O_RDONLY | constants.O_DIRECTORY)

function sync(path: string, flags: number) {
  const handle = openSync(path, flags)
  try {
    fsyncSync(handle)
  } catch (error) {
    if (!isUnsyncable(error)) throw error
  } finally {
    closeSync(handle)
  }
}
