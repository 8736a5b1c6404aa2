// Where a replica runs, as the fleet knows it: the lock of its slot's folder says that whoever ran there before is dead.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'

const ID = /^[0-9a-f-]{36}$/

/** An id kept in the slot's `folder`, so that a container of another name is known by it; by host and folder where it cannot be kept. */
export function placeOf(folder: string): string {
  const file = join(folder, 'place')
  try {
    const kept = existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
    if (ID.test(kept)) return kept
    const id = crypto.randomUUID()
    writeFileSync(file, id)
    return id
  } catch {
    return `${hostname()}:${folder}`
  }
}
