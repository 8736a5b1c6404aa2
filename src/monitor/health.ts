import { hostname } from 'node:os'
import { version } from '../base/version.ts'
import type { DatabaseState } from '../database/guard.ts'
import type { Phase } from './lifecycle.ts'

type Faults = { fault: string; until: number }[]

/** Empty if no fault is armed. */
const faultsOf = (armed: Faults) =>
  armed.length > 0 ? { chaos: armed.map(({ fault, until }) => ({ fault, until: new Date(until).toISOString() })) } : {}

/** The answer of /health: the process is alive. Never touches the database. */
export const health = (started: number, armed: Faults) => ({
  status: 'ok' as const,
  hostname: hostname(),
  version: version.number,
  uptime_seconds: Math.floor((Date.now() - started) / 1000),
  ...faultsOf(armed),
})

/**
 * The answer of /ready. A degraded replica still serves, because an outage of the database must not take every replica out. `reason` is
 * set if the database is unreachable or refuses changes.
 */
export function readiness(
  phase: Phase,
  {
    state,
    downFor,
    refused,
  }: { state: () => DatabaseState; downFor: () => string | undefined; refused: () => string | undefined },
  { backlog, noRoom }: { backlog: number; noRoom: string | undefined },
  armed: Faults,
) {
  const database = state()
  const down = database === 'up' ? undefined : downFor()
  const refuses = database === 'up' ? refused() : undefined
  const status = phase !== 'ready' ? phase : database === 'up' && refuses === undefined ? 'ready' : 'degraded'
  const reason = down ? `the database is not reachable: ${down}` : refuses && `the database accepts no changes: ${refuses}`
  return {
    status,
    ...(reason ? { reason } : {}),
    dependencies: { database },
    clicks: { backlog, ...(noRoom ? { no_room: noRoom } : {}) },
    ...faultsOf(armed),
  }
}
