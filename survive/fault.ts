import type { Client } from './client.ts'
import type { Fleet } from './fleet.ts'
import type { Random } from './random.ts'

/**
 * By which of these the fault must show, while it lasts or right after, and not before: each matches a line. `fleet`: "replica 2 is lost, version
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

/** A counter, by its name and labels, that is higher than before the fault, by so much at least. */
export type Growth = { grows: RegExp; by: number }
export const grown = (grows: RegExp, by = 1): Growth => ({ grows, by })

/** What the banner says while the database is away. */
export const DATABASE_AWAY = /The database has not answered since/

export type Fault = {
  name: string
  /** One sentence for the report. */
  about: string
  signs: Signs
  /** No replica is left to answer while it lasts: redirects fail, and are counted. */
  allAway?: boolean
  /** A replica is cut off from the database: it keeps showing what it last knew, until 5 s after. */
  cutsOff?: boolean
  /** It ends replicas, and starts them again: others are made where processes are to grow old. */
  restarts?: boolean
  /** Seconds that it needs at least to show. */
  atLeast?: number
  /** Why it cannot be made here. */
  lacks?: (fleet: Fleet) => string | undefined
  /** What takes long, before the load begins. */
  prepare?: (fleet: Fleet) => Promise<unknown>
  /** Resolves when the fault is there. `end` puts back what was, except what must recover by itself. */
  begin: (fleet: Fleet, stage: Stage) => Promise<{ end: () => Promise<unknown>; mayLose?: () => number }>
}

/** `mayLose` of a fault: how many clicks are lost as it was announced, by a counter or by damage that was done on purpose. */
export type Stage = { client: Client; random: Random; seconds: number; note: (sentence: string) => void }
