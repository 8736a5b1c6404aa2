// The identity of a slot, as the fleet knows it: the lock of the slot's folder proves that any earlier replica with it is dead.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'

const ID = /^[0-9a-f-]{36}$/

/** The id in the slot's `folder`, which survives a change of host name, as of a container; host name and folder if it cannot be written. */
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

/** The existing id in a slot's `folder`; undefined if there is none. */
export function placeIn(folder: string): string | undefined {
  try {
    const kept = readFileSync(join(folder, 'place'), 'utf8').trim()
    return ID.test(kept) ? kept : undefined
  } catch {
    return undefined
  }
}
