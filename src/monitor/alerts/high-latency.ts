import type { Alert } from './alert.ts'
import { ENOUGH_REQUESTS } from './enough-requests.ts'

const LIMIT = 1

export const highLatency = {
  name: 'high_latency',
  limit: LIMIT,
  unit: 'seconds, mean of 2 minutes',
  when: `requests took over ${LIMIT} s on average in 2 minutes, with at least ${ENOUGH_REQUESTS} requests`,
  help: 'Requests are slow: the database, the disk or the processor cannot keep up with the load.',
  followsDatabase: true,
  read({ metrics }, grown) {
    const { count, seconds } = metrics.requests()
    const lately = grown(2, { count, seconds })
    return lately.count < ENOUGH_REQUESTS ? 0 : lately.seconds / lately.count
  },
} as const satisfies Alert
