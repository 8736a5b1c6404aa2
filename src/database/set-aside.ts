import { resolve } from 'node:path'
import { lockSlot, slotFolders } from '../slot/slots.ts'
import { CLUSTER, MADE_HERE, setAside } from './embedded-files.ts'

/**
 * Moves the rest of an embedded database in `dataDir`, and its replicas' slots, to a new folder there, and returns that: an empty database must not
 * overwrite them. Throws if a replica runs.
 */
export const setAsideAll = (dataDir: string) => withSlots(dataDir, [CLUSTER, 'restored', MADE_HERE, 'replicas'])

/** The same for the slots alone. */
export const setAsideSlots = (dataDir: string) => withSlots(dataDir, ['replicas'])

function withSlots(dataDir: string, names: string[]): string | undefined {
  const root = resolve(dataDir)
  for (const folder of slotFolders(root)) {
    const slot = lockSlot(folder)
    if (!slot) throw new Error(`a replica runs on ${folder}: stop it before --init-empty`)
    slot.release()
  }
  return setAside(root, names)
}
