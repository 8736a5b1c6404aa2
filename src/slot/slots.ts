// Where a replica keeps its own files: DATA_DIR/replicas/<slot>/ with a lock, its journals and its edge copy.
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { tryLockFolder } from '../base/lock.ts'

type Slot = { folder: string; release: () => void }

const MAX_SLOTS = 100

/** Locks the first free slot of `dataDir`: two processes on one DATA_DIR get different ones. */
export function takeSlot(dataDir: string): Slot {
  for (let number = 0; number < MAX_SLOTS; number++) {
    const slot = lockSlot(join(resolve(dataDir), 'replicas', String(number)))
    if (slot) return slot
  }
  throw new Error(`all ${MAX_SLOTS} slots of ${dataDir} are in use: give each replica its own DATA_DIR`)
}

/** Locks one slot's folder, creating it if it is missing; undefined if its replica runs. */
export function lockSlot(folder: string): Slot | undefined {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const release = tryLockFolder(folder)
  return release && { folder, release }
}

/** The folders of all slots that were ever used. */
export function slotFolders(dataDir: string): string[] {
  const root = join(resolve(dataDir), 'replicas')
  return existsSync(root)
    ? readdirSync(root)
        .filter((name) => /^\d+$/.test(name))
        .map((name) => join(root, name))
    : []
}
