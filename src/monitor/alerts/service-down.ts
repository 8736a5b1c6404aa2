import type { Alert } from './alert.ts'
import { isUnreachable } from './sources.ts'

export const serviceDown = {
  name: 'service_down',
  limit: 0,
  unit: 'database unreachable',
  when: 'the database does not answer',
  help: 'The database does not answer. Known links keep redirecting; creating and editing links fails with 503.',
  cause: 'database',
  read: (sources) => (isUnreachable(sources) ? 1 : 0),
} as const satisfies Alert
