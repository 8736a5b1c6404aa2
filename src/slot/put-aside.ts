// Sets an unusable file aside, so that nothing in it is lost.
import { existsSync, renameSync, rmSync } from 'node:fs'

/** Why a file is unusable. `newer`, `older`: it has the format of another release. */
export type Unusable = 'damaged' | 'newer' | 'older' | 'unreadable'

/**
 * Renames `path` to a name that says why, and returns it. A file that already has that name becomes `….before`, replacing an older one, so at most
 * two of each kind are kept. `endings`: suffixes of files that move with it. Undefined if the file cannot be renamed.
 */
export function putAside(path: string, why: Unusable, endings: string[] = []): string | undefined {
  const aside = `${path}.${why}`
  const all = ['', ...endings]
  try {
    if (existsSync(aside)) {
      for (const ending of all) rmSync(`${aside}.before${ending}`, { recursive: true, force: true })
      for (const ending of all) if (existsSync(aside + ending)) renameSync(aside + ending, `${aside}.before${ending}`)
    }
    for (const ending of all) if (existsSync(path + ending)) renameSync(path + ending, aside + ending)
    return aside
  } catch {
    return undefined
  }
}
