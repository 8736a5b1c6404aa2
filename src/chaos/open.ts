import type { Recorder } from '../clicks/recorder.ts'
import type { Database } from '../database/guard.ts'
import type { Resolver } from '../redirect/resolver.ts'
import type { Log } from '../telemetry/logs.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { effectsOn } from './effects.ts'
import { exposeFaults } from './exposition.ts'
import { createChaos } from './faults.ts'
import { auditTrail } from './trail.ts'

type Parts = { database: Database; clicks: Recorder; resolver: Resolver; metrics: Metrics; log: Log; kill: () => void }

/** Sets up fault injection on this replica; `kill` ends the process. */
export function openChaos({ database, clicks, resolver, metrics, log, kill }: Parts) {
  const read = () => {
    const { count, failed, seconds } = metrics.requests()
    const { recorded, stored, adopted, dropped } = clicks.figures()
    return { requests: count, errors: failed, seconds, clicks: recorded, stored: stored + adopted, dropped }
  }
  const chaos = createChaos({ effects: effectsOn(database, clicks, resolver), trail: auditTrail(database, log), log, kill, read })
  exposeFaults(metrics, chaos)
  return chaos
}
