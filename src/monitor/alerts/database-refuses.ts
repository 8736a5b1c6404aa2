import type { Alert } from './alert.ts'
import { isUnreachable } from './sources.ts'

export const databaseRefuses = {
  name: 'database_refuses',
  limit: 0,
  unit: 'database refuses changes',
  when: 'the database answers, but refuses changes',
  help: 'The database answers, but refuses changes. For example, its disk is full: /ready has the reason. Known links keep redirecting.',
  read: (sources) => (!isUnreachable(sources) && sources.refused() !== undefined ? 1 : 0),
} as const satisfies Alert
