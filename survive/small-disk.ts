// A file system of a few megabytes in memory, to be filled. Mounted in a mount namespace of the suite's own (run.ts), it goes with the suite.
import { appendFileSync, mkdirSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { atEnd } from '../test/at-end.ts'
import { apart } from './apart.ts'

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
    /** Leaves not one block; what becomes free is taken until it is emptied. */
    fill() {
      const take = () => {
        const { bavail, bsize } = statfsSync(folder)
        if (bavail === 0) return
        try {
          appendFileSync(filler, Buffer.alloc(bavail * bsize))
        } catch {
          // somebody else took it
        }
      }
      take()
      filling = setInterval(take, 20)
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
