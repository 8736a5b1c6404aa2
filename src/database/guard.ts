// Stands between every query and the pool: a bound on how many wait, a deadline for each, and a breaker while the database is away.
import type postgres from 'postgres'
import type { Log } from '../telemetry/logs.ts'

export type Sql = postgres.Sql<{ bigint: number }>
export type Transaction = postgres.TransactionSql<{ bigint: number }>

export type DatabaseState = 'starting' | 'up' | 'down'

export type Database = {
  /** Runs `work` with the pool. Throws DatabaseAway when it is not to be had, or too slow. */
  run: <T>(work: (sql: Sql) => PromiseLike<T>, deadline?: number) => Promise<T>
  /** Runs `work` in one transaction. */
  transaction: <T>(work: (sql: Transaction) => Promise<T>, deadline?: number) => Promise<T>
  state: () => DatabaseState
  /** Calls `listener` each time the database became reachable, once at once if it is. */
  onUp: (listener: () => void) => void
  figures: () => { pending: number; limit: number; refused: number; late: number; lost: number; queries: number; seconds: number }
  /** Fault injection: while true, the database counts as away. */
  pretendAway: (away: boolean) => void
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
const LATE_IN_A_ROW = 3

/**
 * Guards the pool that `connect` makes. At most `limit` queries are under way or waiting; one more is refused at once.
 * A lost connection, or three late answers in a row, make a probe; a failed probe opens the breaker: the pool is thrown away with
 * all that hangs in it (a half-open socket never errors by itself) and a probe every 500 ms looks for the database's return.
 * With `oneBackend` (the embedded one) a query that asked for a long deadline holds up all others, and their lateness is no sign.
 */
export function guard(connect: () => Sql, limit: number, log: Log, oneBackend = false): Database {
  let sql = connect()
  let state: DatabaseState = 'starting'
  let closed = false
  let away = false
  let probing = false
  let lateInARow = 0
  let longOnes = 0 // queries that asked for more time, an import's say: what waits behind them is late without a fault
  const figures = { pending: 0, limit, refused: 0, late: 0, lost: 0, queries: 0, seconds: 0 }
  const listeners: (() => void)[] = []

  async function run<T>(work: (sql: Sql) => PromiseLike<T>, deadline = DEADLINE): Promise<T> {
    if (state === 'down' || away) throw new DatabaseAway('it did not answer the last probe')
    if (figures.pending >= limit) {
      figures.refused++
      throw new DatabaseAway('too many queries are waiting')
    }
    figures.pending++
    const patient = deadline > DEADLINE
    if (patient) longOnes++
    const started = performance.now()
    try {
      const result = await withDeadline(work(sql), deadline, () => {
        figures.pending--
        if (patient) longOnes--
      })
      lateInARow = 0
      figures.queries++
      figures.seconds += (performance.now() - started) / 1000
      return result
    } catch (error) {
      if (error === LATE) {
        figures.late++
        if (!(oneBackend && longOnes > 0) && ++lateInARow >= LATE_IN_A_ROW) void probe()
        throw new DatabaseAway(`no answer within ${deadline} ms`)
      }
      if (isConnectionError(error)) {
        figures.lost++
        void probe()
        throw new DatabaseAway('the connection was lost', error)
      }
      if (isPassing(error)) throw new DatabaseAway('it is overloaded', error)
      throw error
    }
  }

  /** Asks until there is an answer; the first failure opens the breaker. */
  async function probe() {
    if (probing) return
    probing = true
    while (!closed) {
      try {
        if (away) throw new Error('made unreachable by /chaos')
        await withDeadline(sql`select 1`, PROBE_DEADLINE)
        if (state !== 'up') {
          log.info('the database is reachable')
          state = 'up'
          for (const listener of listeners) listener()
        }
        break
      } catch (error) {
        if (state !== 'down') log.error({ err: error === LATE ? undefined : error }, 'the database is not reachable')
        state = 'down'
        const old = sql
        sql = connect()
        void old.end({ timeout: 0 }).catch(() => {})
        await Bun.sleep(PROBE_EVERY)
      }
    }
    lateInARow = 0
    probing = false
  }
  void probe()

  return {
    run,
    transaction: (work, deadline) => run((sql) => sql.begin(work) as Promise<never>, deadline),
    state: () => state,
    onUp(listener) {
      listeners.push(listener)
      if (state === 'up') listener()
    },
    figures: () => ({ ...figures }),
    pretendAway(value) {
      away = value
      void probe()
    },
    async close() {
      closed = true
      await sql.end({ timeout: 5 }).catch(() => {})
    },
  }
}

const LATE = Symbol('late')

/** Settles with `work`, or rejects with LATE after `ms`; `settled` is called when `work` itself is over. A query not yet sent is taken back. */
async function withDeadline<T>(work: PromiseLike<T>, ms: number, settled?: () => void): Promise<T> {
  let timer: Timer | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(LATE)
      // `state` is the connection that it was given to. One that waits there behind another has been sent: postgres.js would forget it and give
      // its answer to the query behind, and so on for ever.
      const query = work as { state?: unknown; cancel?: () => void }
      if (query.cancel && !query.state) query.cancel()
    }, ms)
  })
  try {
    return await Promise.race([settled ? watch(work, settled) : work, late])
  } finally {
    clearTimeout(timer)
  }
}

async function watch<T>(work: PromiseLike<T>, settled: () => void): Promise<T> {
  try {
    return await work
  } finally {
    settled()
  }
}

const codeOf = (error: unknown) => String((error as { code?: unknown })?.code ?? '')

// postgres.js's own, the system's, and the SQLSTATEs of a server that is going, coming, full or read-only after a failover.
const LOST =
  /^(CONNECT_TIMEOUT|CONNECTION_\w+|ECONN\w+|EPIPE|ENOENT|ENOTFOUND|EAI_\w+|EHOST\w+|ENET\w+|ETIMEDOUT|08\w{3}|57P0[1-5]|53300|25006|3D000|28\w{3})$/
const isConnectionError = (error: unknown) => LOST.test(codeOf(error))

// Cancelled by the server's own time-out, deadlocked, out of a resource: worth another try by the client.
const isPassing = (error: unknown) => /^(57014|40001|40P01|55P03|53\w{3}|58030)$/.test(codeOf(error))
