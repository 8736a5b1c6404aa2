import type { Alert } from './alert.ts'

export const databaseMoved = {
  name: 'database_moved',
  limit: 0,
  unit: 'moves to another primary in 5 minutes',
  when: 'another server became the primary in the last 5 minutes',
  help: 'A failover happened. Check that the old primary is stopped and a new standby is running.',
  cause: 'database',
  read: ({ database }, grown) => grown(5, { moves: database.figures().moves }).moves,
} as const satisfies Alert
