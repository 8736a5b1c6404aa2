// The parts of the server that alerts read.
import type { Limits } from '../../access/limits/limits.ts'
import type { Recorder } from '../../clicks/recorder.ts'
import type { Database } from '../../database/guard.ts'
import type { Clock } from '../../fleet/clock.ts'
import type { Members } from '../../fleet/members.ts'
import type { Resolver } from '../../redirect/resolver.ts'
import type { Descriptors } from '../../telemetry/descriptors.ts'
import type { Disk } from '../../telemetry/disk.ts'
import type { Memory } from '../../telemetry/machine.ts'
import type { Metrics } from '../../telemetry/metrics.ts'

export type Sources = {
  metrics: Pick<Metrics, 'requests'>
  database: Pick<Database, 'state' | 'figures'> & { health: Pick<Database['health'], 'now' | 'takes'> }
  /** Why the database refuses changes although it is up. */
  refused: () => string | undefined
  /** ms since the last answer of Valkey; 0 while it answers, and if it is not used. */
  valkeyAway: () => number
  clicks: Pick<Recorder, 'figures'>
  resolver: Pick<Resolver, 'figures'>
  limits: Pick<Limits, 'refused'>
  members: Pick<Members, 'beatTook' | 'missed'>
  clock: Pick<Clock, 'lasting'>
  disk: Pick<Disk, 'figures'>
  memory: Pick<Memory, 'figures'>
  descriptors: Pick<Descriptors, 'figures'>
}

/**
 * Health counts the database as unreachable until it has answered for a while. Alerts have their own delay, so for them the closed
 * breaker ends it.
 */
export const isUnreachable = ({ database }: Pick<Sources, 'database'>) =>
  database.health.now() === 'unreachable' && database.state() !== 'up'
