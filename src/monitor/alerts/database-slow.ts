import type { Alert } from './alert.ts'
import { isUnreachable } from './sources.ts'

const LIMIT = 150 // the time that a visitor waits for the database

export const databaseSlow = {
  name: 'database_slow',
  limit: LIMIT,
  unit: 'ms for a small change, fastest of the last three',
  when: `small changes take over ${LIMIT} ms, or queries time out`,
  help: `The database is slower than the ${LIMIT} ms budget. Links missing from the local copy may fail with 503.`,
  logLine: 'the database is slow: a small change takes longer than a visitor waits',
  cause: 'database',
  read: (sources) => (isUnreachable(sources) ? 0 : Math.max(sources.members.beatTook(), sources.database.health.takes())),
} as const satisfies Alert
