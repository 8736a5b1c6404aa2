// The change feed: reads other replicas' changes every 400 ms, and at once after an announcement (NOTIFY), and updates this replica's
// caches.
import { connect } from '../database/connect.ts'
import { DatabaseUnreachable, tookTooLong } from '../database/database-unreachable.ts'
import type { Sql } from '../database/guard.ts'
import type { Pool } from '../database/pool.ts'
import type { Position } from '../database/position.ts'
import { isSchemaMissing } from '../database/sql-state.ts'
import type { Log } from '../telemetry/logs.ts'
import { type ChangedLink, changedLinks } from './changed-links.ts'
import { type Found, watchAnnouncements } from './listening.ts'
import type { Target } from './target.ts'

/** A cache that follows the feed. */
export type Follower = {
  /** Where to continue; undefined: nothing is known yet. */
  position: () => Position | undefined
  /** Applies changed targets, in chunks; the last chunk of a poll comes with the new position. */
  apply: (targets: Target[], position?: Position) => void | Promise<void>
  /** The database is a different one: forget everything, start afresh and return the new position. */
  restart: () => Promise<Position>
  /** True if the cache cannot be read any more and must be rebuilt. */
  broken?: () => boolean
}

export type Changes = {
  /** Announces committed changes to all replicas: one NOTIFY for all changes within 20 ms. */
  announce: () => void
  /** Reads changes now; resolves when they are applied. */
  poll: () => Promise<void>
  figures: () => Figures
  stop: () => Promise<void>
}

type Figures = Record<'lastPoll' | 'polls' | 'applied' | 'restarts' | 'failed', number> & { found: Found }

const EVERY = 400
const AFTER_ANNOUNCEMENT = 20 // ms between two polls, however many announcements arrive
const ANNOUNCE_EVERY = 20
const SAVE_EVERY = 10_000 // ms after which the position is saved even if nothing changed: EDGE_MAX_AGE counts from it
const CHUNK = 500 // rows applied in one turn of the event loop: about 2 ms
const DEADLINE = 60_000
const COPY_AGAIN_AFTER = 1_000 // ms to wait after a full copy failed (disk full, for example): else each announcement would start another
/** After this many reads in a row that took too long (millions of imported rows), copy everything: a copy has no time limit. */
const TOO_LONG_IN_A_ROW = 3
const FIRST_ROW_WITHIN = 3_000 // ms; there is always a first row, so without one the connection is dead
const CHANNEL = 'waypost_changes'

export function followChanges({
  database,
  follower,
  policySeen,
  log,
}: {
  database: Pool
  follower: Follower
  /** Called at each poll with the identity of the database and the version of its policy. */
  policySeen?: (identity: string, version: number) => void
  log: Log
}): Changes {
  const figures: Figures = { lastPoll: 0, polls: 0, applied: 0, restarts: 0, failed: 0, found: { notice: 0, poll: 0 } }
  const watch = watchAnnouncements(figures.found, log)
  let position = follower.position()
  let saved = 0
  let inFlight: Promise<void> | undefined
  let again = false
  let missedAnnouncements = true // true until the first poll after (re)connecting: earlier changes were never announced to us
  let earliestPoll = 0
  let tooLong = 0
  let policy = -1 // the version in the last answer
  let announcing: Timer | undefined
  let stopped = false

  /** One poll at a time; any number of requests during a poll schedule one more. */
  function poll(): Promise<void> {
    if (inFlight) {
      again = true
      return inFlight
    }
    inFlight = read().finally(() => {
      inFlight = undefined
      if (again && !stopped) {
        again = false
        setTimeout(() => void poll().catch(() => {}), AFTER_ANNOUNCEMENT)
      }
    })
    return inFlight
  }

  async function read() {
    const started = Date.now()
    if (stopped || database.state() !== 'up' || performance.now() < earliestPoll) return
    const first = missedAnnouncements
    missedAnnouncements = false
    try {
      if (follower.broken?.()) position = undefined
      if (!position || !(await readFrom(position, started, !first))) {
        figures.restarts++
        log.info(
          { before: position?.identity },
          position ? 'the database is a different one: copying all links again' : 'copying all links',
        )
        position = undefined
        saved = 0
        position = await follower.restart()
        await readFrom(position, Date.now(), !first)
      }
      figures.polls++
      figures.lastPoll = started
      tooLong = 0
    } catch (error) {
      figures.failed++
      missedAnnouncements ||= first
      tooLong = tookTooLong(error) ? tooLong + 1 : 0
      if (tooLong === TOO_LONG_IN_A_ROW) position = undefined
      if (!position && !isSchemaMissing(error) && !(error instanceof DatabaseUnreachable))
        earliestPoll = performance.now() + COPY_AGAIN_AFTER
      if (database.state() === 'up' && !stopped && !isSchemaMissing(error))
        log.warn({ err: error }, 'cannot read changes: will try again')
    }
  }

  /**
   * True if nothing was committed since `from`. Asks the embedded database only, which nobody replaces while it runs: the whole answer takes it a
   * millisecond more.
   */
  async function isUnchanged(from: Position): Promise<boolean> {
    const [row] = await database.run((sql) => sql<{ now: string }[]>`select pg_current_snapshot()::text as now`)
    return row!.now === from.snapshot
  }

  /** Applies the changes since `from`; false if this is a different database. */
  async function readFrom(from: Position, at: number, caughtUp: boolean): Promise<boolean> {
    if (database.place().kind === 'embedded' && caughtUp && at - saved <= SAVE_EVERY && (await isUnchanged(from))) {
      policySeen?.(from.identity, policy)
      return true
    }
    const silence = Promise.withResolvers<never>()
    let silent = false
    const timer = setTimeout(() => {
      silent = true
      silence.reject(new DatabaseUnreachable('the change feed got no answer'))
    }, FIRST_ROW_WITHIN)
    const reading = database.run(async (sql) => {
      let next: Position | undefined
      let chunk: Target[] = []
      for await (const rows of sql.unsafe<ChangedLink[]>(changedLinks, [from.snapshot], { prepare: true }).cursor(CHUNK)) {
        clearTimeout(timer)
        if (silent) return false
        const [first] = rows
        if (first && !next) policySeen?.(first.identity, (policy = first.policy))
        if (!first || first.identity !== from.identity || xmaxOf(first) < xmaxOf(from)) return false
        if (chunk.length > 0) {
          await follower.apply(chunk)
          await Bun.sleep(0)
        }
        next = { identity: first.identity, snapshot: first.snapshot, at }
        chunk = rows.filter((row) => row.code !== null) as Target[]
        figures.applied += chunk.length
        if (caughtUp) watch.found(chunk.reduce((sum, { version }) => sum + (version > 1 ? 1 : 0), 0))
      }
      if (!next) return false
      if (chunk.length > 0 || at - saved > SAVE_EVERY) {
        await follower.apply(chunk, next)
        saved = at
      }
      position = next
      return true
    }, DEADLINE)
    return Promise.race([reading, silence.promise]).finally(() => clearTimeout(timer))
  }

  const timer = setInterval(() => {
    if (watch.mustListenAgain(listener !== undefined)) void listen()
    void poll()
  }, EVERY)

  // A separate session for LISTEN; the embedded database (one replica) needs none. Opened again whenever the database comes back, because
  // postgres.js stops listening after one failed attempt.
  let listener: Sql | undefined
  let listening = 0
  async function listen() {
    const turn = ++listening
    const address = await database.listening()
    if (stopped || turn !== listening) return
    void listener?.end({ timeout: 0 }).catch(() => {})
    listener = address && connect(address, 1)
    if (!listener) return
    void listener
      .listen(
        CHANNEL,
        () => {
          watch.announced()
          void poll()
        },
        catchUp,
      )
      .catch(() => {})
  }
  function catchUp() {
    missedAnnouncements = true
    void poll()
  }
  database.onUp(() => {
    void listen()
    catchUp()
  })

  return {
    announce() {
      if (announcing || database.place().kind === 'embedded') return
      announcing = setTimeout(() => {
        announcing = undefined
        database.run((sql) => sql`select pg_notify(${CHANNEL}, '')`).catch(() => {}) // a lost announcement costs 400 ms
      }, ANNOUNCE_EVERY)
    },
    poll,
    figures: () => ({ ...figures, found: { ...figures.found } }),
    async stop() {
      stopped = true
      clearInterval(timer)
      clearTimeout(announcing)
      await listener?.end({ timeout: 1 }).catch(() => {})
      await inFlight?.catch(() => {})
    },
  }
}

/** The xmax of a snapshot. If it decreases, the database was restored to an earlier state. */
const xmaxOf = ({ snapshot }: Pick<Position, 'snapshot'>) => BigInt(snapshot.split(':')[1]!)
