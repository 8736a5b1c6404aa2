// Stands between every query and the pool: a bound on how many wait, a deadline for each, and a breaker while the database is away. beat.ts asks
// on its own whether there still is an answer.
import type postgres from 'postgres'
import type { Log } from '../telemetry/logs.ts'
import { assertWritable, FIRST_ANSWER_WITHIN, SILENT, startBeat, whether } from './beat.ts'
import { LATE, withDeadline } from './deadline.ts'
import { isConnectionError, isFromServer, isPassing, isStalePlan } from './errors.ts'
import type { Servers } from './servers.ts'

export type Sql = postgres.Sql<{ bigint: number }>
export type Transaction = postgres.TransactionSql<{ bigint: number }>

export type DatabaseState = 'starting' | 'up' | 'down'

/**
 * `outages`: how often it was found away; `moves`: how often another server was followed than before; `renewals`: how often connections were given
 * up that did not answer.
 */
type Figures = Record<
  'pending' | 'limit' | 'refused' | 'late' | 'lost' | 'queries' | 'seconds' | 'outages' | 'moves' | 'renewals',
  number
>

export type Database = {
  /** Runs `work` with the pool. Throws DatabaseAway when it is not to be had, or too slow. */
  run: <T>(work: (sql: Sql) => PromiseLike<T>, deadline?: number) => Promise<T>
  /** Runs `work` in one transaction. */
  transaction: <T>(work: (sql: Transaction) => Promise<T>, deadline?: number) => Promise<T>
  state: () => DatabaseState
  /** Calls `listener` each time the database became reachable, or another server became it; once at once if it is there. */
  onUp: (listener: () => void) => void
  figures: () => Figures
  /** Fault injection: so large a share of queries, up to 1, finds the database away. 0 ends it. */
  pretendAway: (share: number) => void
  close: () => Promise<void>
}

/** The database cannot answer now; the API says 503 with Retry-After. */
export class DatabaseAway extends Error {
  override name = 'DatabaseAway'
  constructor(reason: string, cause?: unknown) {
    super(`the database is not reachable: ${reason}`, { cause })
  }
}

const DEADLINE = 5_000
const PROBE_EVERY = 500
const PROBE_DEADLINE = 2_000
const BOOT_DEADLINE = 10_000 // of the embedded one's first answer, on a busy machine
const LATE_IN_A_ROW = 3
/** No statement lasts longer by itself (statement_timeout is 10 s): the connection of one that does is dead. */
const DEAD_AFTER = 12_000
/** Seconds that what is under way has to leave a pool with a dead connection in it. */
const LEAVE_WITHIN = 60

const newPool = () => ({ queries: 0, answeredAt: performance.now() })

type Pool = {
  connect: () => Sql
  connections?: number
  /** Where the database may be, and whether connections can be cut; the embedded one has neither. */
  servers?: Servers
}

/**
 * Guards the pool that `connect` makes. At most `limit` queries are under way or waiting; one more is refused at once.
 * A lost connection, three late answers in a row or a silent server make a probe; a failed probe opens the breaker: the pool is thrown away
 * with all that hangs in it (a half-open socket never errors by itself), and every 500 ms the database is looked for, of several servers the one
 * that takes writes. One that is read-only counts as away: it is a standby, or was demoted.
 * With one backend (the embedded one, without `servers`) a query that asked for a long deadline holds up all others, and their lateness is no sign.
 */
export function guard({ connect, connections = 1, servers }: Pool, limit: number, log: Log): Database {
  let sql = connect()
  let wasUp = false
  let state: DatabaseState = 'starting'
  let closed = false
  let pretended = 0
  let probing = false
  let lateInARow = 0
  let onPool = newPool() // what hangs on a pool that was thrown away says nothing about the connections of this one
  let renewedAt = Number.NEGATIVE_INFINITY
  let longOnes = 0 // queries that asked for more time, an import's say: what waits behind them is late without a fault
  const counted = { pending: 0, refused: 0, late: 0, lost: 0, queries: 0, seconds: 0, outages: 0, moves: 0, renewals: 0 }
  const figures: Figures = { limit, ...counted }
  const listeners: (() => void)[] = []
  const firstProbe = Promise.withResolvers<void>()

  async function run<T>(work: (sql: Sql) => PromiseLike<T>, deadline = DEADLINE, again = true): Promise<T> {
    if (state === 'starting') await answered(deadline)
    if (state === 'down' || pretended === 1) throw new DatabaseAway('it did not answer the last probe')
    if (pretended > 0 && Math.random() < pretended) throw new DatabaseAway('made unreachable by /chaos')
    assertRoom()
    figures.pending++
    const patient = deadline > DEADLINE
    if (patient) longOnes++
    const started = performance.now()
    const asked = sql
    const among = onPool
    among.queries++
    let over = false
    try {
      const result = await withDeadline(work(sql), deadline, () => {
        over = true
        among.queries--
        figures.pending--
        if (patient) longOnes--
      })
      lateInARow = 0
      among.answeredAt = performance.now()
      figures.queries++
      figures.seconds += (performance.now() - started) / 1000
      return result
    } catch (error) {
      if (error === LATE) {
        figures.late++
        if (servers && !patient) setTimeout(() => !over && sql === asked && renew(SILENT), DEAD_AFTER - deadline).unref()
        if (!(!servers && longOnes > 0) && ++lateInARow >= LATE_IN_A_ROW) void probe()
        throw new DatabaseAway(`no answer within ${deadline} ms`)
      }
      if (isFromServer(error)) among.answeredAt = performance.now()
      if (error instanceof DatabaseAway) throw error
      if (isConnectionError(error)) {
        figures.lost++
        void probe()
        throw new DatabaseAway('the connection was lost', error)
      }
      if (isStalePlan(error)) {
        if (sql === asked) renew('a prepared statement is not valid any more')
        if (again) return run(work, deadline, false) // it was refused before it did anything
        throw new DatabaseAway('its tables are being changed', error)
      }
      if (isPassing(error)) throw new DatabaseAway('it is overloaded', error)
      throw error
    }
  }

  /** The first probe may find another server, and the pool goes with what is in it. */
  async function answered(deadline: number) {
    assertRoom()
    figures.pending++
    try {
      await withDeadline(firstProbe.promise, deadline)
    } catch {
      throw new DatabaseAway('it has not answered yet')
    } finally {
      figures.pending--
    }
  }

  function assertRoom() {
    if (figures.pending < limit) return
    figures.refused++
    throw new DatabaseAway('too many queries are waiting')
  }

  /** Asks until there is an answer; the first failure opens the breaker. `failure` is one that is known already. */
  async function probe(failure?: unknown) {
    if (probing) return
    probing = true
    while (!closed) {
      try {
        if (failure) throw failure
        await look()
        if (state !== 'up') {
          log.info('the database is reachable')
          state = 'up'
          wasUp = true
          firstProbe.resolve()
          for (const listener of listeners) listener()
        }
        break
      } catch (error) {
        const before = state
        if (before === 'up') figures.outages++
        if (before !== 'down') log.error({ err: error === LATE ? undefined : error }, 'the database is not reachable')
        state = 'down'
        firstProbe.resolve()
        replacePool(0)
        failure = undefined
        if (before !== 'up') await Bun.sleep(PROBE_EVERY)
      }
    }
    lateInARow = 0
    probing = false
  }

  /** Throws where there is no server that takes writes, or it does not answer. */
  async function look() {
    if (pretended === 1) throw new Error('made unreachable by /chaos')
    if (state !== 'up' && (await servers?.find(FIRST_ANSWER_WITHIN))) {
      if (wasUp) figures.moves++ // else it is the first that this process follows
      replacePool(0)
    }
    await assertWritable(whether(sql), state === 'up' ? PROBE_DEADLINE : servers ? FIRST_ANSWER_WITHIN : BOOT_DEADLINE)
  }

  function move() {
    figures.moves++
    replacePool(0)
    for (const listener of listeners) listener()
  }

  function renew(reason: string) {
    figures.renewals++
    renewedAt = performance.now()
    log.warn({ reason }, 'the connections to the database are made anew')
    replacePool(LEAVE_WITHIN)
  }

  function replacePool(timeout: number) {
    const old = sql
    if (closed) return
    sql = connect()
    onPool = newPool()
    void old.end({ timeout }).catch(() => {})
  }

  void probe()
  const stopBeat =
    servers &&
    startBeat({
      servers,
      connections,
      sql: () => sql,
      isUp: () => state === 'up',
      isProbing: () => probing,
      traffic: () => ({ ...onPool, longOnes, renewedAt }),
      probe: (failure) => void probe(failure),
      move,
      renew,
    })

  return {
    run: (work, deadline) => run(work, deadline),
    transaction: (work, deadline) => run((sql) => sql.begin(work) as Promise<never>, deadline, false),
    state: () => state,
    onUp(listener) {
      listeners.push(listener)
      if (state === 'up') listener()
    },
    figures: () => ({ ...figures }),
    pretendAway(share) {
      pretended = share
      void probe()
    },
    async close() {
      closed = true
      firstProbe.resolve()
      stopBeat?.()
      await sql.end({ timeout: 5 }).catch(() => {})
    },
  }
}
