// The change feed: what other replicas changed, read every 400 ms and at once after a notice, and followed by the caches of this one.
import statement from '../../sql/changes.sql' with { type: 'text' }
import { connect, type Pool } from '../database/connect.ts'
import { DatabaseAway, type Sql } from '../database/guard.ts'
import type { Log } from '../telemetry/logs.ts'
import { type Found, watchNotices } from './listening.ts'
import type { Position } from './position.ts'
import type { Target } from './target.ts'

/** Who follows the feed. */
export type Follower = {
  /** From where to go on; undefined: nothing is known yet. */
  position: () => Position | undefined
  /** Changed targets, in chunks; the last chunk of a poll comes with the position that they lead to. */
  apply: (targets: Target[], position?: Position) => void | Promise<void>
  /** The database is another than the one followed: forget everything, and return the position that a fresh start leads to. */
  restart: () => Promise<Position>
  /** What was kept cannot be read any more: it is made anew. */
  broken?: () => boolean
}

export type Changes = {
  /** Says to every replica that something changed: one NOTIFY for all changes of 20 ms, after they were committed. */
  announce: () => void
  /** Reads what changed now; resolves when it is applied. */
  poll: () => Promise<void>
  figures: () => Figures
  stop: () => Promise<void>
}

type Figures = Record<'lastPoll' | 'polls' | 'applied' | 'restarts' | 'failed', number> & { found: Found }

const EVERY = 400
const AFTER_NOTICE = 20 // ms between two polls, however many notices arrive
const NOTICES_EVERY = 20
const SAVE_EVERY = 10_000 // ms after which a position is kept also where nothing changed: EDGE_MAX_AGE counts from it
const CHUNK = 500 // rows that one turn of the event loop applies: some 2 ms
const DEADLINE = 60_000
const COPY_AGAIN_AFTER = 1_000 // ms after a copy of all links failed, for want of room say: each notice would begin another
const FIRST_ROW_WITHIN = 3_000 // there always is one: without it the connection is dead, and the feed must not wait for it
const CHANNEL = 'waypost_changes'

type Row = { identity: string; snapshot: string; policy: number; code: string | null } & Omit<Target, 'code'>

export function followChanges({
  database,
  follower,
  policySeen,
  log,
}: {
  database: Pool
  follower: Follower
  /** Told at each poll which database answered, and the version of its policy. */
  policySeen?: (identity: string, version: number) => void
  log: Log
}): Changes {
  const figures: Figures = { lastPoll: 0, polls: 0, applied: 0, restarts: 0, failed: 0, found: { notice: 0, poll: 0 } }
  const watch = watchNotices(figures.found, log)
  let position = follower.position()
  let saved = 0
  let underWay: Promise<void> | undefined
  let again = false
  let unheard = true // what changed while nobody listened here: no notice can have told of it
  let notBefore = 0
  let announcing: Timer | undefined
  let stopped = false

  /** One poll at a time; a wish that arrives meanwhile makes one more. */
  function poll(): Promise<void> {
    if (underWay) {
      again = true
      return underWay
    }
    underWay = read().finally(() => {
      underWay = undefined
      if (again && !stopped) {
        again = false
        setTimeout(() => void poll().catch(() => {}), AFTER_NOTICE)
      }
    })
    return underWay
  }

  async function read() {
    const started = Date.now()
    if (stopped || database.state() !== 'up' || performance.now() < notBefore) return
    const first = unheard
    unheard = false
    try {
      if (follower.broken?.()) position = undefined
      if (!position || !(await readFrom(position, started, !first))) {
        figures.restarts++
        log.info(
          { before: position?.identity },
          position ? 'this is another database than before: copying all links anew' : 'copying all links',
        )
        position = undefined
        saved = 0
        position = await follower.restart()
        await readFrom(position, Date.now(), !first)
      }
      figures.polls++
      figures.lastPoll = started
    } catch (error) {
      figures.failed++
      unheard ||= first
      const noSchemaYet = (error as { code?: string }).code === '42P01'
      if (!position && !noSchemaYet && !(error instanceof DatabaseAway)) notBefore = performance.now() + COPY_AGAIN_AFTER
      if (database.state() === 'up' && !stopped && !noSchemaYet)
        log.warn({ err: error }, 'changes could not be read and will be tried again')
    }
  }

  /** Applies what changed since `from`; false where the database is another one. */
  async function readFrom(from: Position, at: number, caughtUp: boolean): Promise<boolean> {
    const silence = Promise.withResolvers<never>()
    let silent = false
    const timer = setTimeout(() => {
      silent = true
      silence.reject(new DatabaseAway('the change feed got no answer'))
    }, FIRST_ROW_WITHIN)
    const reading = database.run(async (sql) => {
      let next: Position | undefined
      let chunk: Target[] = []
      for await (const rows of sql.unsafe<Row[]>(statement, [from.snapshot], { prepare: true }).cursor(CHUNK)) {
        clearTimeout(timer)
        if (silent) return false
        const [first] = rows
        if (first && !next) policySeen?.(first.identity, first.policy)
        if (!first || first.identity !== from.identity) return false
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
    if (watch.isDeaf(listener !== undefined)) listen()
    void poll()
  }, EVERY)

  // A session of its own for LISTEN, which the embedded database (one replica) has no use for. It is made anew with each return of the
  // database: postgres.js gives up listening when one attempt fails.
  let listener: Sql | undefined
  function listen() {
    const place = database.place()
    if (place.kind !== 'external' || stopped) return
    void listener?.end({ timeout: 0 }).catch(() => {})
    listener = connect(place, 1)
    void listener
      .listen(
        CHANNEL,
        () => {
          watch.noticed()
          void poll()
        },
        catchUp,
      )
      .catch(() => {})
  }
  function catchUp() {
    unheard = true
    void poll()
  }
  database.onUp(() => {
    listen()
    catchUp()
  })

  return {
    announce() {
      if (!listener || announcing) return
      announcing = setTimeout(() => {
        announcing = undefined
        database.run((sql) => sql`select pg_notify(${CHANNEL}, '')`).catch(() => {}) // a lost notice costs 400 ms
      }, NOTICES_EVERY)
    },
    poll,
    figures: () => ({ ...figures, found: { ...figures.found } }),
    async stop() {
      stopped = true
      clearInterval(timer)
      clearTimeout(announcing)
      await listener?.end({ timeout: 1 }).catch(() => {})
      await underWay?.catch(() => {})
    },
  }
}
