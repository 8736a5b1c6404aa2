import type { Database } from '../database/guard.ts'
import { newestSchema } from '../database/migrate.ts'

/** Seconds: who was seen within them may still be alive. */
const SEEN_WITHIN = 10

/** The release and host of a replica that is alive and does not know this release's schema; undefined if there is none. */
export async function outdatedReplica(database: Database): Promise<{ version: string; hostname: string } | undefined> {
  const [row] = await database.run(
    (sql) => sql<{ version: string; hostname: string }[]>`
      select left(version, 64) as version, left(hostname, 255) as hostname from replicas
      where coalesce(schema, 1) < ${newestSchema} and seen_at > clock_timestamp() - ${SEEN_WITHIN} * interval '1 s' limit 1`,
  )
  return row
}
