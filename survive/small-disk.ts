// A file system of a few megabytes in memory, to be filled. Mounted in a mount namespace of the suite's own (run.ts), it goes with the suite.
import { appendFileSync, mkdirSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { atEnd } from '../test/at-end.ts'
import { apart } from './apart.ts'

/** 250 MB at once kept this process, and the visitors that it counts for, waiting for 0.2 s. */
const SLICE = Buffer.alloc(8 * 1024 * 1024)

export type SmallDisk = NonNullable<ReturnType<typeof smallDisk>>

/** Undefined where none may be mounted. */
export function smallDisk(folder: string, megabytes: number) {
  mkdirSync(folder, { recursive: true })
  if (!apart) return undefined
  const options = ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0755`, 'tmpfs', folder]
  if (Bun.spawnSync(['mount', ...options]).exitCode !== 0) return undefined
  const filler = join(folder, 'filler')
  let filling: Timer | undefined
  const unmount = () => {
    clearInterval(filling)
    Bun.spawnSync(['umount', '-l', folder])
  }
  const calledOff = atEnd(unmount)
  return {
    /** Resolves when not one block is left; what becomes free is taken until it is emptied. */
    fill(): Promise<void> {
      const full = Promise.withResolvers<void>()
      filling = setInterval(() => {
        const { bavail, bsize } = statfsSync(folder)
        if (bavail === 0) return full.resolve()
        try {
          appendFileSync(filler, SLICE.subarray(0, bavail * bsize))
        } catch {
          // somebody else took it
        }
      }, 20)
      return full.promise
    },
    empty() {
      clearInterval(filling)
      rmSync(filler, { force: true })
    },
    unmount() {
      calledOff()
      unmount()
    },
  }
}
