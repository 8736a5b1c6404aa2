import { foldClicks } from '../clicks/fold.ts'
import { dropOldEvents } from '../clicks/retention.ts'
import type { Config } from '../config.ts'
import { continueErasures } from '../links/erase.ts'
import type { Log } from '../telemetry/logs.ts'
import type { OpenDatabase } from './connect.ts'
import { preparePartitions } from './migrate.ts'

const ERASURES_EVERY = 5_000
const PARTITIONS_EVERY = 6 * 3_600_000
const FIRST = 60_000
const FOLDING_EVERY = 6 * 3_600_000
const RETENTION_EVERY = 3_600_000

/**
 * What has to be done now and then: going on with erasures, folding counts, making the partitions of the months ahead,
 * dropping those of months that are kept no longer. Returns the way to end it.
 */
export function startMaintenance(
  database: OpenDatabase,
  log: Log,
  { EVENTS_KEEP_DAYS: days }: Partial<Pick<Config, 'EVENTS_KEEP_DAYS'>> = {},
): () => void {
  const timers = [
    setInterval(
      oneAtATime(() => continueErasures(database)),
      ERASURES_EVERY,
    ),
    setInterval(
      oneAtATime(() => preparePartitions(database)),
      PARTITIONS_EVERY,
    ),
  ]
  const fold = oneAtATime(() => foldClicks(database))
  timers.push(setTimeout(fold, FIRST), setInterval(fold, FOLDING_EVERY))
  if (days !== undefined) {
    const retain = oneAtATime(() => dropOldEvents(database, log, days, database.address.kind === 'external'))
    timers.push(setTimeout(retain, FIRST), setInterval(retain, RETENTION_EVERY))
  }

  function oneAtATime(work: () => Promise<unknown>) {
    let busy = false
    return async () => {
      if (busy || database.state() !== 'up') return
      busy = true
      try {
        await work()
      } catch (error) {
        log.warn({ err: error }, 'maintenance failed and will be tried again')
      } finally {
        busy = false
      }
    }
  }

  return () => timers.forEach(clearTimeout)
}
