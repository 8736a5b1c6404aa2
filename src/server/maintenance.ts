import { foldClicks } from '../clicks/fold.ts'
import { takeUpRefused } from '../clicks/refused.ts'
import { dropOldEvents } from '../clicks/retention.ts'
import type { Config } from '../config/config.ts'
import { askTime, watchClocks } from '../database/clocks.ts'
import { preparePartitions } from '../database/migrate.ts'
import type { OpenDatabase } from '../database/open.ts'
import { continueErasures } from '../links/erase.ts'
import type { Log } from '../telemetry/logs.ts'

const ERASURES_EVERY = 5_000
const PARTITIONS_EVERY = 3_600_000
const REFUSED_EVERY = 60_000
const FIRST = 60_000
const FOLDING_EVERY = 6 * 3_600_000
const RETENTION_EVERY = 3_600_000

/**
 * Runs periodic tasks: continues erasures, folds counts, creates partitions for the coming months, drops expired ones, and stores clicks
 * that were refused because a partition was missing. Returns a function that stops it.
 */
export function startMaintenance(
  database: OpenDatabase,
  log: Log,
  { EVENTS_KEEP_DAYS: days }: Partial<Pick<Config, 'EVENTS_KEEP_DAYS'>> = {},
): () => void {
  const clocks = watchClocks()
  const timers = [
    setInterval(
      oneAtATime(() => continueErasures(database)),
      ERASURES_EVERY,
    ),
    setInterval(
      oneAtATime(async () => {
        const time = clocks.agree(await askTime(database))
        if ('at' in time) await preparePartitions(database, time.at)
        else log.warn({ reason: time.doubt }, 'no partitions of events are created until the time is certain')
      }),
      PARTITIONS_EVERY,
    ),
    setInterval(
      oneAtATime(() => takeUpRefused(database, log)),
      REFUSED_EVERY,
    ),
  ]
  const fold = oneAtATime(() => foldClicks(database))
  timers.push(setTimeout(fold, FIRST), setInterval(fold, FOLDING_EVERY))
  if (days !== undefined) {
    const retain = oneAtATime(() => dropOldEvents(database, log, days, hasSessions(database), clocks))
    timers.push(setTimeout(retain, FIRST), setInterval(retain, RETENTION_EVERY))
  }

  /** Whether connections keep their session: a pooler assigns one per transaction only. */
  function hasSessions({ place }: OpenDatabase): boolean {
    const at = place()
    return at.kind === 'external' && !at.session.pooled
  }

  function oneAtATime(work: () => Promise<unknown>) {
    let busy = false
    return async () => {
      if (busy || database.state() !== 'up') return
      busy = true
      try {
        await work()
      } catch (error) {
        log.warn({ err: error }, 'maintenance failed: will try again')
      } finally {
        busy = false
      }
    }
  }

  return () => timers.forEach(clearTimeout)
}
