import type { Alert } from './alert.ts'
import { ENOUGH_REQUESTS } from './enough-requests.ts'

const LIMIT = 10

export const highErrorRate = {
  name: 'high_error_rate',
  limit: LIMIT,
  unit: '% of requests in 2 minutes',
  when: `over ${LIMIT} % of requests failed (5xx) in 2 minutes, with at least ${ENOUGH_REQUESTS} requests`,
  help: 'Requests fail on our side (5xx). The log has the cause.',
  followsDatabase: true,
  read({ metrics }, grown) {
    const { count, failed } = metrics.requests()
    const lately = grown(2, { count, failed })
    return lately.count < ENOUGH_REQUESTS ? 0 : (100 * lately.failed) / lately.count
  },
} as const satisfies Alert
