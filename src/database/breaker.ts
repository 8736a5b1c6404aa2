// The circuit breaker: holds the current pool, knows whether its database answers, and searches for one that does. A half-open socket never errors
// by itself, so a failing pool is discarded with all queries on it.
import type { Log } from '../telemetry/logs.ts'
import { causeOf } from './causes.ts'
import type { DatabaseHealth } from './condition.ts'
import { LATE, withDeadline } from './deadline.ts'
import { isPassing } from './errors.ts'
import type { DatabaseState, Figures, Sql, Transaction } from './guard.ts'
import { assertWritable, FIRST_ANSWER_WITHIN, startProbing, writability } from './probe.ts'
import { NoPrimary, type Servers } from './servers.ts'

export type PoolOptions = {
  connect: () => Sql
  connections?: number
  /** The database's servers; the embedded one has none, and no connections that can be cut. */
  servers?: Servers
  /** ms for a first answer, if it is more than usual. */
  firstAnswerWithin?: number
  /** Learns from a new connection how to open them; true if they must be opened again. */
  learn?: (sql: Sql) => Promise<boolean>
  /** Runs `work` in a transaction with the required session settings. */
  transaction?: <T>(sql: Sql, work: (sql: Transaction) => PromiseLike<T>) => Promise<T>
  /** True behind a pooler that assigns a session per transaction: then nothing runs outside one. */
  pooled?: () => boolean
  /** Resolves when the database may answer: it is not probed before. */
  begun?: Promise<void>
  /** Why the database does not run, if known. */
  trouble?: () => string | undefined
}

const PROBE_EVERY = 500
const PROBE_DEADLINE = 2_000
/** For a transaction: some five round trips, of half a second each if the database is far away. */
const ACCEPTED_WITHIN = 5_000
const BOOT_DEADLINE = 10_000 // for the embedded database's first answer, on a busy machine
/** Seconds that queries have to leave a pool with a dead connection. */
const LEAVE_WITHIN = 60
/** A first connection may reveal a pooler, and further settings to pin. */
const MOST_LESSONS = 3

const newPool = () => ({ queries: 0, answeredAt: performance.now() })

type Parts = { figures: Figures; health: DatabaseHealth; log: Log }

/** Opens at a failed probe, and closes at the first success. Every query reads `now` and is counted in it. */
export function createBreaker(
  { connect, connections = 1, servers, firstAnswerWithin = 0, learn, begun }: PoolOptions,
  transaction: <T>(sql: Sql, work: (sql: Transaction) => PromiseLike<T>) => Promise<T>,
  { figures, health, log }: Parts,
) {
  const answersWithin = Math.max(FIRST_ANSWER_WITHIN, firstAnswerWithin)
  const now = {
    sql: connect(),
    /** Counted per pool: queries stuck on a discarded pool must not count against the new one. */
    pool: newPool(),
    state: 'starting' as DatabaseState,
    lateInARow: 0,
    /** Queries with a longer deadline, such as an import's: queries that wait behind them are late without a fault. */
    longOnes: 0,
    /** Why the database is down. */
    failure: undefined as unknown,
    downFor: undefined as string | undefined,
    /** Fault injection: the fraction of queries that fail as if the database were unreachable. */
    pretended: 0,
  }
  let wasUp = false
  let closed = false
  let probing = false
  let renewedAt = Number.NEGATIVE_INFINITY
  let accepts: ((sql: Transaction) => Promise<void>) | undefined
  const listeners: (() => void)[] = []
  const firstProbe = Promise.withResolvers<void>()

  /** Probes until there is an answer; the first failure opens the breaker. `failure` is one that is already known. */
  async function probe(failure?: unknown) {
    if (probing) return
    probing = true
    if (now.state === 'starting') await begun
    while (!closed) {
      try {
        if (failure) throw failure
        await assertUsable()
        closeBreaker()
        break
      } catch (error) {
        const before = now.state
        openBreaker(error)
        failure = undefined
        if (before !== 'up') await Bun.sleep(PROBE_EVERY)
      }
    }
    now.lateInARow = 0
    probing = false
  }

  function closeBreaker() {
    health.answered()
    health.breaker(false)
    if (now.state === 'up') return
    log.info('the database is reachable')
    now.state = 'up'
    wasUp = true
    firstProbe.resolve()
    for (const listener of listeners) listener()
  }

  function openBreaker(error: unknown) {
    if (now.state !== 'down') log.error({ err: error === LATE ? undefined : error }, 'the database is not reachable')
    now.state = 'down'
    health.missed(error === LATE || isPassing(error) || (error instanceof NoPrimary && error.full))
    health.breaker(true)
    now.failure = error === LATE ? new Error('no answer in time') : error
    now.downFor = (error as { words?: string }).words ?? causeOf(error) ?? causeOf((error as Error).cause)
    firstProbe.resolve()
    replacePool(0)
  }

  /** Throws if no server accepts writes, or it does not answer. */
  async function assertUsable() {
    if (now.pretended === 1) throw new Error('made unreachable by /chaos')
    if (now.state !== 'up' && (await servers?.find(answersWithin))) {
      if (wasUp) figures.moves++ // else it is this process's first server
      replacePool(0)
    }
    if (now.state !== 'up' && learn)
      for (let lessons = 0; lessons < MOST_LESSONS && (await withDeadline(learn(now.sql), answersWithin)); lessons++)
        replacePool(0)
    await assertWritable(writability(now.sql), now.state === 'up' ? PROBE_DEADLINE : servers ? answersWithin : BOOT_DEADLINE)
    if (accepts) await assertAcceptable(accepts)
  }

  /** A late check of a database that was up and still answers only means that its tables are locked. */
  async function assertAcceptable(check: (sql: Transaction) => Promise<void>) {
    try {
      await withDeadline(transaction(now.sql, check), ACCEPTED_WITHIN)
    } catch (error) {
      if (!wasUp || error !== LATE) throw error
    }
  }

  function followNewServer() {
    figures.moves++
    replacePool(0)
    for (const listener of listeners) listener()
  }

  /** Replaces the connections; queries in flight on the old ones may finish. */
  function renew(reason: string) {
    figures.renewals++
    renewedAt = performance.now()
    log.warn({ reason }, 'replacing the connections to the database')
    replacePool(LEAVE_WITHIN)
  }

  function replacePool(timeout: number) {
    const old = now.sql
    if (closed) return
    now.sql = connect()
    now.pool = newPool()
    void old.end({ timeout }).catch(() => {})
  }

  void probe()
  const stopProbing =
    servers &&
    startProbing({
      servers,
      connections,
      sql: () => now.sql,
      isUp: () => now.state === 'up',
      isProbing: () => probing,
      traffic: () => ({ ...now.pool, longOnes: now.longOnes, renewedAt }),
      probe: (failure) => void probe(failure),
      move: followNewServer,
      renew,
    })

  return {
    now,
    probe,
    renew,
    firstProbe: firstProbe.promise,
    accept(check: (sql: Transaction) => Promise<void>) {
      accepts = check
    },
    onUp(listener: () => void) {
      listeners.push(listener)
      if (now.state === 'up') listener()
    },
    async close() {
      closed = true
      firstProbe.resolve()
      stopProbing?.()
      await now.sql.end({ timeout: 5 }).catch(() => {})
    },
  }
}
