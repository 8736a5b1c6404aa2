import { hostname } from 'node:os'
import type { DatabaseState } from '../database/guard.ts'
import { version } from '../version.ts'

export type Phase = 'starting' | 'ready' | 'draining' | 'stopped'

type Faults = { fault: string; until: number }[]

/** Nothing where no fault is armed. */
const faultsOf = (armed: Faults) =>
  armed.length > 0 ? { chaos: armed.map(({ fault, until }) => ({ fault, until: new Date(until).toISOString() })) } : {}

/** What /health says: the process answers. Never touches the database. */
export const health = (started: number, armed: Faults) => ({
  status: 'ok' as const,
  hostname: hostname(),
  version: version.number,
  uptime_seconds: Math.floor((Date.now() - started) / 1000),
  ...faultsOf(armed),
})

/** What /ready says: degraded still serves, because an outage of the database must not take every replica out. */
export function readiness(
  phase: Phase,
  database: DatabaseState,
  { backlog, noRoom }: { backlog: number; noRoom: string | undefined },
  armed: Faults,
) {
  const status = phase === 'ready' ? (database === 'up' ? 'ready' : 'degraded') : phase
  return { status, dependencies: { database }, clicks: { backlog, ...(noRoom ? { no_room: noRoom } : {}) }, ...faultsOf(armed) }
}
