import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The major version of PostgreSQL in this release. */
export const VERSION = '18'

/** The version in PG_VERSION; undefined if the file is missing or invalid. An unreadable one counts as this release's. */
export function versionOf(folder: string): string | undefined {
  try {
    return /^\d+(\.\d+)?$/.exec(readFileSync(join(folder, 'PG_VERSION'), 'utf8').trim())?.[0]
  } catch (error) {
    return /^(ENOENT|ENOTDIR|EISDIR|ELOOP)$/.test((error as NodeJS.ErrnoException).code ?? '') ? undefined : VERSION
  }
}
