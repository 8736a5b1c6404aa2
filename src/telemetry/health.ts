import { hostname } from 'node:os'
import type { DatabaseState } from '../database/guard.ts'
import { version } from '../version.ts'

export type Phase = 'starting' | 'ready' | 'draining' | 'stopped'

/** What /health says: the process answers. Never touches the database. */
export const health = (started: number) => ({
  status: 'ok' as const,
  hostname: hostname(),
  version: version.number,
  uptime_seconds: Math.floor((Date.now() - started) / 1000),
})

/** What /ready says: degraded still serves, because an outage of the database must not take every replica out. */
export function readiness(
  phase: Phase,
  database: DatabaseState,
  { backlog, noRoom }: { backlog: number; noRoom: string | undefined },
) {
  const status = phase === 'ready' ? (database === 'up' ? 'ready' : 'degraded') : phase
  return { status, dependencies: { database }, clicks: { backlog, ...(noRoom ? { no_room: noRoom } : {}) } }
}
