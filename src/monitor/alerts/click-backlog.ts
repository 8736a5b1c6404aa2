import type { Alert } from './alert.ts'

const LIMIT = 30

export const clickBacklog = {
  name: 'click_backlog',
  limit: LIMIT,
  unit: 'seconds, age of the oldest click not yet stored',
  when: `the oldest click that is not stored is older than ${LIMIT} s`,
  help: `Clicks wait in the journal for longer than ${LIMIT} seconds: the database is unreachable, or slower than clicks arrive.`,
  followsDatabase: true,
  read({ clicks }) {
    const { oldest } = clicks.figures()
    return oldest ? (Date.now() - oldest) / 1000 : 0
  },
} as const satisfies Alert
