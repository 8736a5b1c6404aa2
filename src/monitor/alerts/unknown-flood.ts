import type { Alert } from './alert.ts'

const LIMIT = 100 // beyond what RATE_UNKNOWN allows each address: a scanner needs seconds for that, visitors with typos never reach it

export const unknownFlood = {
  name: 'unknown_flood',
  limit: LIMIT,
  unit: 'requests for unknown codes refused in 2 minutes',
  when: `over ${LIMIT} requests for unknown codes were refused in 2 minutes`,
  help: 'Someone is guessing short codes. Clients over RATE_UNKNOWN get 429; valid links are unaffected.',
  logLine: 'refusing many requests for unknown codes: someone is guessing codes',
  read: ({ limits }, grown) => grown(2, { unknown: limits.refused().unknown }).unknown,
} as const satisfies Alert
