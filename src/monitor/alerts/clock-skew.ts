import type { Alert } from './alert.ts'

const LIMIT = 5 // answers of the database never take this long

export const clockSkew = {
  name: 'clock_skew',
  limit: LIMIT,
  unit: 'seconds of difference to the database’s clock',
  when: `a replica’s clock differs from the database’s by over ${LIMIT} s`,
  help: 'The clock of this machine or of the database is wrong. Clicks get wrong times; keys and sign-ins end too early or too late.',
  read: ({ clock }) => Math.abs(clock.lasting()),
} as const satisfies Alert
