// Writes a file whole and durably, or not at all. Files that can be rebuilt (the charts' samples, the extensions' archive, the edge copy) are only
// renamed into place: a power failure may lose them, but their writer does not wait for a sync.
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Calls `write` to create `temporary`, in the same folder, and renames it to `path`. Rejects with the disk's error or that of `write`, and then
 * removes `temporary`.
 */
export async function writeAtomically(path: string, temporary: string, write: (temporary: string) => Promise<unknown>) {
  try {
    await write(temporary)
    await sync(temporary)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw error
  }
  await sync(dirname(path)).catch((error) => {
    if (!isUnsyncable(error)) throw error
  })
}

/** True for the error of a file system that cannot sync folders. */
export const isUnsyncable = (error: unknown) => /^(EINVAL|ENOTSUP|EBADF)$/.test((error as NodeJS.ErrnoException).code ?? '')

async function sync(path: string) {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
