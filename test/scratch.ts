// Where the databases and journals of tests are: in memory where there is enough of it. Every commit of an embedded database waits for the
// disk, and on one disk the tests of all workers wait for each other. What a kill leaves behind is there too, and no test pulls the plug.
import { existsSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { atEnd } from './at-end.ts'

const ENOUGH = 6e9 // a server takes some 150 MB

function isRoomy(folder: string): boolean {
  if (!existsSync(folder)) return false
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize > ENOUGH && available() > ENOUGH
}

/** Bytes of memory that programs may still have. */
const available = () => Number(/^MemAvailable: +(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0) * 1024

export const scratch = isRoomy('/dev/shm') ? '/dev/shm' : tmpdir()

/** A folder that goes with the process. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(scratch, 'waypost-test-'))
  atEnd(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
