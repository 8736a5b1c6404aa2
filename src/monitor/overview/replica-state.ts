// The current state of a replica, for the overview.

import type { Limits } from '../../access/limits/limits.ts'
import { iso } from '../../base/time.ts'
import type { Chaos } from '../../chaos/faults.ts'
import type { Recorder } from '../../clicks/recorder.ts'
import type { Database } from '../../database/guard.ts'
import type { Clock } from '../../fleet/clock.ts'
import type { Members } from '../../fleet/members.ts'
import type { Resolver } from '../../redirect/resolver.ts'
import type { SharedCache } from '../../redirect/shared-cache.ts'
import type { Descriptors } from '../../telemetry/descriptors.ts'
import { type Memory, resident } from '../../telemetry/machine.ts'
import { type Cause, causeOf } from '../alerts/index.ts'
import type { Alerts } from '../alerts/watch.ts'
import type { Lifecycle } from '../lifecycle.ts'
import { followProblems } from './problems.ts'
import type { Sampler } from './sampler.ts'
import type { Now } from './schema.ts'

export type Parts = {
  database: Database
  clicks: Recorder
  /** Clicks in the database, as last counted. */
  total: () => number | null
  resolver: Resolver
  shared: Pick<SharedCache, 'figures'> | undefined
  clock: Clock
  memory: Memory
  descriptors: Descriptors
  limits: Pick<Limits, 'sharedAway'>
  members: Pick<Members, 'list'>
  lifecycle: Lifecycle
  chaos: Chaos
  alerts: Alerts
  sampler: Sampler
  /** Why the database refuses changes although it is up. */
  refused: () => string | undefined
}

export function nowOf(parts: Parts) {
  const { database, clicks, resolver, memory, lifecycle, chaos, alerts, sampler } = parts
  const problemsOf = followProblems(parts)
  /** Causes of firing alerts: one that started during a problem with the database keeps that cause until it ends. */
  const causes = new Map<string, Cause>()

  function firing(): Now['alerts'] {
    const all = alerts.list()
    const troubled = database.health.now() !== 'up'
    return all.flatMap(({ name, state, since, test, until }) => {
      if (state !== 'firing') {
        causes.delete(name)
        return []
      }
      const cause = causes.get(name) ?? causeOf(name, troubled)
      causes.set(name, cause)
      return [{ name, since, test, until, cause }]
    })
  }

  return (): Now => {
    const figures = clicks.figures()
    const { since, latency } = sampler.database()
    const { used, limit } = memory.figures()
    const up = database.state() === 'up'
    const now = {
      database: {
        state: up ? ('up' as const) : ('away' as const),
        since: iso(since),
        latency_ms: !up || latency === undefined ? null : Math.round(latency * 100) / 100,
        condition: database.health.now(),
        condition_since: iso(database.health.since()),
      },
      clicks: {
        backlog: Math.max(0, figures.backlog),
        oldest_age_s: figures.oldest === undefined ? 0 : Math.max(0, Date.now() - figures.oldest) / 1000,
        last_flush: iso(figures.lastFlush),
        stored: figures.stored + figures.adopted,
        total: parts.total(),
        dropped: figures.dropped,
        rejected: figures.rejected,
        no_room: figures.noRoom ?? null,
      },
      memory: { rss: resident(), used, limit },
      uptime: Math.floor((Date.now() - lifecycle.started) / 1000),
      phase: lifecycle.phase(),
      mode: resolver.figures().mode,
      faults: chaos.armed().map(({ fault, until }) => ({ fault, until: iso(until) })),
      alerts: firing(),
    }
    const problems = problemsOf(
      now,
      now.alerts.flatMap(({ test, cause = '' }) => (test ? [] : [{ cause }])),
    )
    return { ...now, troubles: problems.map(({ text }) => text), problems }
  }
}
