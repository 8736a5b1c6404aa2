import type { Alert } from './alert.ts'

export const replicaLost = {
  name: 'replica_lost',
  limit: 0,
  unit: 'replicas lost',
  when: 'a replica stopped unexpectedly and was not replaced within 10 s',
  help: 'A replica crashed or stopped reporting and has not been replaced. The others keep serving.',
  logLine: 'a replica is lost and was not replaced',
  cause: 'replica',
  read: ({ members }) => members.missed(),
} as const satisfies Alert
