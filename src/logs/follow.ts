// Chooses the lines for a follower of GET /logs: those of this replica, of another, or of the whole fleet.

import { notFound } from '../base/problem.ts'
import type { Start } from '../http/event-stream.ts'
import type { LogRing } from '../telemetry/logs.ts'
import { logFeed } from './feed.ts'
import type { FleetLogs } from './fleet.ts'
import { readLogQuery } from './query.ts'
import { logStream } from './stream.ts'
import { logTail } from './tail.ts'

type Parts = {
  ring: LogRing
  logs: FleetLogs
  /** The ids of all replicas. */
  replicas: () => string[]
}

export type FollowLog = ReturnType<typeof followLog>

export function followLog({ ring, logs, replicas }: Parts) {
  const feed = logFeed(logs)
  /** `query` is that of GET /logs, `last` a Last-Event-ID. Throws a 400 that names the parameter, and a 404 for an unknown replica. */
  return (query: Record<string, string | undefined>, last: string | undefined): Start => {
    const { replica } = query
    const logQuery = readLogQuery(query, logs.self)
    if (replica && replica !== 'all' && !replicas().includes(replica)) throw notFound('Replica')
    if (replica) return logTail(feed, { query: logQuery, replica: replica === 'all' ? undefined : replica, resume: last })
    return logStream(ring, { ...logQuery, after: last && /^\d{1,15}$/.test(last) ? Number(last) : undefined })
  }
}
