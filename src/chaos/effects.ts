// The effect of each fault on the parts of the server. Latency and errors are missing here: the request pipeline applies them.
import type { Recorder } from '../clicks/recorder.ts'
import type { Database } from '../database/guard.ts'
import type { Resolver } from '../redirect/resolver.ts'
import { burn } from './cpu.ts'
import { fill } from './memory.ts'
import type { Fault } from './schema.ts'

/** Starts a fault on a `share` (above 0, at most 1) for `ms` at most; returns a function that undoes it at once. */
type Effect = (share: number, ms: number) => () => void
export type Effects = { [F in Fault]?: Effect }

export const effectsOn = (database: Database, clicks: Recorder, resolver: Resolver): Effects => ({
  /** Share of queries that fail; 1 is an outage, which opens the breaker. */
  database(share) {
    database.pretendUnreachable(share)
    clicks.pretendUnreachable(share)
    return () => {
      database.pretendUnreachable(0)
      clicks.pretendUnreachable(0)
    }
  },
  /** Share of look-ups that skip memory and the edge copy, and ask the database. */
  cache(share) {
    resolver.hide(share)
    return () => resolver.hide(0)
  },
  /** Clicks are still journaled, but not stored. */
  'freeze-drain'() {
    clicks.freeze(true)
    return () => clicks.freeze(false)
  },
  /** Share of the time of every core. */
  cpu: burn,
  /** Share of 1 GiB, or of half of the free memory if that is less. */
  memory: fill,
})
