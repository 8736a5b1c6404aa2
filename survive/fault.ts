import type { Client } from './client.ts'
import type { Fleet } from './fleet.ts'
import type { Random } from './random.ts'

/**
 * The signs by which the fault must be visible, while it lasts or right after, but not before: each matches a line. `fleet`: "replica 2 is lost, version
 * 1.0.0"; `console`: a line of the Overview's banner, or of its strip of replicas; `nginx`: a line of its log.
 */
export type Signs = {
  metric?: RegExp | Growth
  log?: RegExp
  alert?: RegExp
  fleet?: RegExp
  console?: RegExp
  nginx?: RegExp
}

/** A counter, by its name and labels, that has grown by at least `by` since before the fault. */
export type Growth = { grows: RegExp; by: number }
export const grown = (grows: RegExp, by = 1): Growth => ({ grows, by })

/** The line of the banner while the database is unreachable. */
export const DATABASE_AWAY = /The database has been (unreachable|slow) since/

export type Fault = {
  name: string
  /** One sentence for the report. */
  about: string
  signs: Signs
  /** No replica is running while it lasts: redirects fail, and are counted. */
  allAway?: boolean
  /** A replica is cut off from the database: it keeps showing what it last knew, until 5 s after. */
  cutsOff?: boolean
  /** It restarts replicas: not used where processes have to live long. */
  restarts?: boolean
  /** Seconds that it needs at least to show. */
  atLeast?: number
  /** Why it cannot be injected here. */
  lacks?: (fleet: Fleet) => string | undefined
  /** Slow preparation, before the load starts. */
  prepare?: (fleet: Fleet) => Promise<unknown>
  /** Resolves when the fault is active. `end` undoes it, except what must recover on its own. */
  begin: (fleet: Fleet, stage: Stage) => Promise<{ end: () => Promise<unknown>; mayLose?: () => number }>
}

/** `mayLose` of a fault: how many clicks may be lost, by a counter or by deliberate damage. */
export type Stage = { client: Client; random: Random; seconds: number; note: (sentence: string) => void }
