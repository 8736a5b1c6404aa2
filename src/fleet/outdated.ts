import type { Sql, Transaction } from '../database/guard.ts'
import { newestSchema } from '../database/migrate.ts'

/** Seconds: a replica that was seen within them may still be alive. */
const SEEN_WITHIN = 10

type Outdated = { version: string; hostname: string }

/** The release and host of a replica that is alive and does not know this release's schema; undefined if there is none. */
export async function outdatedReplica(sql: Sql | Transaction): Promise<Outdated | undefined> {
  const [row] = await (sql as Sql)<Outdated[]>`
    select left(version, 64) as version, left(hostname, 255) as hostname from replicas
    where coalesce(schema, 1) < ${newestSchema} and seen_at > clock_timestamp() - ${SEEN_WITHIN} * interval '1 s' limit 1`
  return row
}

/** The reason why a rule is refused, as a phrase after the field's name. */
export const notYet = ({ version, hostname }: Outdated) =>
  `cannot be set yet: ${hostname} still runs release ${version}, which would ignore it`
