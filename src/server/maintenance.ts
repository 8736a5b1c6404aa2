import { foldClicks } from '../clicks/fold.ts'
import { takeUpRefused } from '../clicks/refused.ts'
import { dropOldEvents } from '../clicks/retention.ts'

import { rollUp } from '../clicks/roll-up.ts'

import { forgetLeases } from '../clicks/store.ts'

import type { Config } from '../config/config.ts'
import { askTime, watchClocks } from '../database/clocks.ts'
import { buildIndexes } from '../database/indexes.ts'
import { migrationStatus, preparePartitions } from '../database/migrate.ts'
import type { OpenDatabase } from '../database/open.ts'
import { isSchemaMissing } from '../database/sql-state.ts'
import { forgetAnswers } from '../http/idempotency.ts'
import { continueErasures } from '../links/erase.ts'
import { continueResets } from '../links/reset.ts'
import type { Log } from '../telemetry/logs.ts'

const ERASURES_EVERY = 5_000
const PARTITIONS_EVERY = 3_600_000
const ROLL_UP_EVERY = 5_000
const REFUSED_EVERY = 60_000
const FIRST = 60_000
const FOLDING_EVERY = 6 * 3_600_000
const RETENTION_EVERY = 3_600_000
const INDEXES_FIRST = 1_000
const INDEXES_EVERY = 600_000
const ANSWERS_EVERY = 60_000
const LEASES_EVERY = 3_600_000

/**
 * Runs periodic tasks: continues erasures and resets, counts and folds clicks, creates partitions for the coming months, drops expired ones, builds
 * missing indexes, forgets old answers and leases, and stores clicks that were refused because a partition was missing. Returns a function that stops
 * it.
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
      oneAtATime(() => continueResets(database)),
      ERASURES_EVERY,
    ),
    setInterval(oneAtATime(rollUp(database, () => database.place().kind === 'embedded')), ROLL_UP_EVERY),
    setInterval(
      oneAtATime(() => forgetAnswers(database)),
      ANSWERS_EVERY,
    ),
    setInterval(
      oneAtATime(() => forgetLeases(database)),
      LEASES_EVERY,
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
  const build = oneAtATime(async () => {
    const migrations = await migrationStatus(database)
    if (migrations.every(({ applied_at }) => applied_at)) await buildIndexes(database, log, hasSessions(database))
  })
  timers.push(setTimeout(build, INDEXES_FIRST), setInterval(build, INDEXES_EVERY))
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
        if (!isSchemaMissing(error)) log.warn({ err: error }, 'maintenance failed: will try again')
      } finally {
        busy = false
      }
    }
  }

  return () => timers.forEach(clearTimeout)
}
