import { DatabaseUnreachable } from '../../database/database-unreachable.ts'
import type { Database } from '../../database/guard.ts'

const VERSION_WITHIN = 1_000 // ms

/** The version of the database server; null if it is unreachable. */
export async function versionOf(database: Database): Promise<string | null> {
  try {
    const [row] = await database.run((sql) => sql<{ server_version: string }[]>`show server_version`, VERSION_WITHIN)
    return row!.server_version
  } catch (error) {
    if (error instanceof DatabaseUnreachable) return null
    throw error
  }
}
