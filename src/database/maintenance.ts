import { continueErasures } from '../links/erase.ts'
import type { Log } from '../telemetry/logs.ts'
import type { Database } from './guard.ts'
import { preparePartitions } from './migrate.ts'

const ERASURES_EVERY = 5_000
const PARTITIONS_EVERY = 6 * 3_600_000

/** What has to be done now and then: going on with erasures, and making the partitions of the months ahead. Returns the way to end it. */
export function startMaintenance(database: Database, log: Log): () => void {
  const timers = [
    every(ERASURES_EVERY, () => continueErasures(database)),
    every(PARTITIONS_EVERY, () => preparePartitions(database)),
  ]

  function every(ms: number, work: () => Promise<unknown>) {
    let busy = false
    return setInterval(async () => {
      if (busy || database.state() !== 'up') return
      busy = true
      try {
        await work()
      } catch (error) {
        log.warn({ err: error }, 'maintenance failed and will be tried again')
      } finally {
        busy = false
      }
    }, ms)
  }

  return () => timers.forEach(clearInterval)
}
