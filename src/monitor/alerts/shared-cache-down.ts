import type { Alert } from './alert.ts'

const LIMIT = 5

export const sharedCacheDown = {
  name: 'shared_cache_down',
  limit: LIMIT,
  unit: 'seconds without an answer from Valkey',
  when: `Valkey (REDIS_URL) has not answered for ${LIMIT} s`,
  help: 'Valkey (REDIS_URL) does not answer. Links that are not in memory are read from the database; each replica counts rate limits by itself.',
  cause: 'shared_cache',
  read: ({ valkeyAway }) => valkeyAway() / 1000,
} as const satisfies Alert
