// Free space under DATA_DIR, where the journal, the edge copy and the embedded database are: warns before it runs out.
import { statfsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import type { Log } from './logs.ts'

/** In bytes; `short`: bytes missing to the required minimum. */
type Room = { free: number; total: number; short: number }
export type Disk = ReturnType<typeof watchDisk>

const EVERY = 5_000

/** Checks the file system of `folder` every 5 s; logs when less than `least` bytes are free, and when that ends. */
export function watchDisk(folder: string, least: number, log: Log) {
  let room: Room = { free: 0, total: 0, short: 0 }
  take(statfsSync(folder))
  let looking = false // one at a time: a network file system may hang
  const timer = setInterval(async () => {
    if (looking) return
    looking = true
    await statfs(folder).then(take, () => {}) // the writers report a missing folder
    looking = false
  }, EVERY)
  timer.unref()

  function take({ bavail, blocks, bsize }: { bavail: number; blocks: number; bsize: number }) {
    const free = bavail * bsize
    const before = room.short
    room = { free, total: blocks * bsize, short: Math.max(0, least - free) }
    const fields = { folder, free_mib: Math.floor(free / 1024 ** 2), wanted_mib: Math.ceil(least / 1024 ** 2) }
    if (room.short > 0 && before === 0) log.warn(fields, 'the disk fills up: make room, or clicks and changes will be lost')
    if (room.short === 0 && before > 0) log.info(fields, 'the disk has room again')
  }

  return { figures: () => room, stop: () => clearInterval(timer) }
}
