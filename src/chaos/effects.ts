// What a fault does to the parts of the server while it is armed. Latency and errors are not here: the pipeline asks for them.
import type { Recorder } from '../clicks/recorder.ts'
import type { Database } from '../database/guard.ts'
import type { Resolver } from '../redirect/resolver.ts'
import { burn } from './cpu.ts'
import type { Fault } from './faults.ts'
import { fill } from './memory.ts'

/** Begins a fault on a `share` (above 0, to 1) of what it hits, for `ms` at most; returns what undoes it at once. */
type Effect = (share: number, ms: number) => () => void
export type Effects = { [F in Fault]?: Effect }

export const effectsOn = (database: Database, clicks: Recorder, resolver: Resolver): Effects => ({
  /** Of queries; all of them is an outage, which opens the breaker. */
  database(share) {
    database.pretendAway(share)
    clicks.pretendAway(share)
    return () => {
      database.pretendAway(0)
      clicks.pretendAway(0)
    }
  },
  /** Of look-ups: memory and the copy on this machine know nothing, and the database is asked. */
  cache(share) {
    resolver.hide(share)
    return () => resolver.hide(0)
  },
  /** Clicks go on into the journal, and none leaves it. */
  'freeze-drain'() {
    clicks.freeze(true)
    return () => clicks.freeze(false)
  },
  /** Of the time of every core. */
  cpu: burn,
  /** Of 1 GiB, or of half of what is free where that is less. */
  memory: fill,
})
