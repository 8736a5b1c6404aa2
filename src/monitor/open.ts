// Assembles monitoring: health, metrics, alerts, notifications and the overview.
import type { Limits } from '../access/limits/limits.ts'
import type { OnStop } from '../base/on-stop.ts'
import type { Chaos } from '../chaos/faults.ts'
import type { FleetChaos } from '../chaos/fleet.ts'
import type { Recorder } from '../clicks/recorder.ts'
import { countTotal } from '../clicks/total.ts'
import type { Config } from '../config/config.ts'
import type { OpenDatabase } from '../database/open.ts'
import type { OpenFleet } from '../fleet/open.ts'
import type { EdgeTier } from '../redirect/edge-tier.ts'
import type { RedirectFigures } from '../redirect/figures.ts'
import type { OpenRedirect } from '../redirect/open.ts'
import type { Log } from '../telemetry/logs.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Instruments } from '../telemetry/open.ts'
import { databaseSlow } from './alerts/database-slow.ts'
import { openAlerts } from './alerts/open.ts'
import { exposeServer, summarize } from './exposition.ts'
import { health, readiness } from './health.ts'
import type { Lifecycle } from './lifecycle.ts'
import { openNotifications } from './notifications/notifications.ts'
import { gatherer } from './overview/gather.ts'
import { openHistory } from './overview/history.ts'
import { nowOf } from './overview/replica-state.ts'
import { startSampler } from './overview/sampler.ts'
import { overviewStream } from './overview/stream.ts'

type VitalParts = {
  database: OpenDatabase
  clicks: Recorder
  metrics: Metrics
  figures: RedirectFigures
  chaos: Chaos
  lifecycle: Lifecycle
  /** Why the schema is not ready although the database answers. */
  waitsFor: () => string | undefined
  onStop: OnStop
}

type Vitals = ReturnType<typeof openVitals>

/** Opens what this replica reports about itself: /health, /ready, and one sample per second. */
export function openVitals({ database, clicks, metrics, figures, chaos, lifecycle, waitsFor, onStop }: VitalParts) {
  const sampler = startSampler({ metrics, figures, clicks, database })
  onStop('stop taking samples', sampler.stop)
  /** Why the database refuses changes although it is up. */
  const refused = () => database.refusal()?.words ?? waitsFor()
  const { settled: state, downFor } = database
  return {
    sampler,
    refused,
    health: () => health(lifecycle.started, chaos.armed()),
    ready: () => readiness(lifecycle.phase(), { state, downFor, refused }, clicks.figures(), chaos.armed()),
    summary: () => summarize(metrics, figures, lifecycle.started),
  }
}

type Parts = {
  config: Config
  /** The slot's folder. */
  folder: string
  database: OpenDatabase
  clicks: Recorder
  edge: EdgeTier | undefined
  limits: Limits
  chaos: Chaos
  fleetChaos: FleetChaos
  lifecycle: Lifecycle
  log: Log
  onStop: OnStop
} & Instruments &
  OpenRedirect &
  Vitals &
  OpenFleet

/** Opens the metrics of the server, its alerts and their notifications, and the overview. */
export function openMonitor(parts: Parts) {
  const { config, folder, database, shared, limits, sampler, members, fleet, place, metrics, log, onStop } = parts
  /** ms since the last answer of Valkey; 0 while it answers, and if it is not used. */
  const valkeyAway = () => Math.max(shared?.figures().away ?? 0, limits.sharedAway())
  exposeServer(metrics, { ...parts, valkeyAway })

  const history = openHistory({ folder, dataDir: config.DATA_DIR, ring: sampler.ring, log })
  onStop('keep what the charts show', history.stop)
  const { alerts, fleetAlerts, onAlert } = openAlerts({ ...parts, valkeyAway, livedUntil: history.livedUntil() })
  const notifications = openNotifications({ config, database, alerts, fleet, self: members.self, metrics, log })
  onAlert(notifications.check)
  onStop('hand over notifications', (ms) => notifications.stop(ms / 4))

  const total = countTotal(database)
  const recountTotal = () => void total.recount()
  const now = nowOf({ ...parts, alerts, total: total.now })
  const gathering = gatherer({ ring: sampler.ring, now, members, fleet, place, history, recountTotal })
  const stream = overviewStream({ sampler, gathering, fleet, log })
  // Every second, because states are reported with their duration.
  const stopFollowing = sampler.follow(() => {
    const took = members.beatTook()
    if (took > databaseSlow.limit) database.health.slow(took)
    now()
  })
  onStop('stop the overview', () => {
    stopFollowing()
    stream.stop()
  })
  return { alerts, fleetAlerts, notifications, now, gathering, stream, recountTotal, samples: sampler.ring }
}
