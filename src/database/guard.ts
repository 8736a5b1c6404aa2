// Between every query and the pool: a limit on waiting queries, a deadline for each, and a circuit breaker while the database is unreachable.
import type postgres from 'postgres'
import type { Log } from '../telemetry/logs.ts'
import { createBreaker, type PoolOptions } from './breaker.ts'
import { causeOf } from './causes.ts'
import { type DatabaseHealth, followCondition } from './condition.ts'
import { DatabaseNotAsked, DatabaseRefuses, DatabaseUnreachable } from './database-unreachable.ts'
import { LATE, withDeadline } from './deadline.ts'
import { isConnectionError, isFromServer, isPassing, isStalePlan } from './errors.ts'
import { SILENT } from './probe.ts'
import { attemptWrite, type Refusal, watchRefusals } from './refusals.ts'

export type Sql = postgres.Sql<{ bigint: number }>
export type Transaction = postgres.TransactionSql<{ bigint: number }>
/** A part of a statement, or one that is not sent yet. */
export type Fragment = postgres.PendingQuery<postgres.Row[]>

export type DatabaseState = 'starting' | 'up' | 'down'

/** `moves`: how often the followed server changed; `renewals`: how often unresponsive connections were replaced. */
export type Figures = Record<
  'pending' | 'limit' | 'refused' | 'late' | 'lost' | 'queries' | 'seconds' | 'moves' | 'renewals',
  number
>

export type Database = {
  /** Runs `work` with the pool. Throws DatabaseUnreachable if the database is unreachable or too slow. */
  run: <T>(work: (sql: Sql) => PromiseLike<T>, deadline?: number) => Promise<T>
  /** Runs `work` in one transaction. */
  transaction: <T>(work: (sql: Transaction) => Promise<T>, deadline?: number) => Promise<T>
  /** The state of the breaker, which opens and closes within a second. */
  state: () => DatabaseState
  /** The same without its flapping, for load balancers and the other replicas. */
  settled: () => DatabaseState
  /** The condition for operators. */
  health: Pick<DatabaseHealth, 'now' | 'since' | 'takes' | 'past' | 'slow'>
  /** Why it is down, in words for everyone; undefined if unknown, or if it is up. */
  downFor: () => string | undefined
  /** Why it accepts no changes although it is up; undefined if it accepts them. */
  refusal: () => Refusal | undefined
  /** Checks whether it accepts changes, because a caller suspects that it does not. */
  suspect: () => void
  /** From now on, a database for which `check` throws counts as unreachable. */
  accept: (check: (sql: Transaction) => Promise<void>) => void
  /** Marks it as unusable for this reason, until it is accepted again. */
  doubt: (reason: Error) => void
  /** Calls `listener` each time the database becomes reachable or changes servers, and at once if it is reachable now. */
  onUp: (listener: () => void) => void
  figures: () => Figures
  /** Fault injection: the fraction (0–1) of queries that fail as if the database were unreachable; 0 turns it off. */
  pretendUnreachable: (share: number) => void
  close: () => Promise<void>
}

/** The database, or one open transaction. */
export type Writer = Pick<Database, 'run' | 'transaction'>

/** A writer that runs everything in the transaction `sql`. */
export const within = (sql: Transaction): Writer => ({
  run: async (work) => work(sql as unknown as Sql),
  transaction: (work) => work(sql),
})

const DEADLINE = 5_000
const PULSE_EVERY = 1_000 // while its condition is not up: recovery needs answers
const PULSE_DEADLINE = 2_000
const LATE_IN_A_ROW = 3
/** The server ends statements itself after 10 s (statement_timeout), so a connection whose statement takes longer is dead. */
const DEAD_AFTER = 12_000

const begin = <T>(sql: Sql, work: (sql: Transaction) => PromiseLike<T>) => sql.begin(work as never) as Promise<T>

/**
 * Guards the pool that `connect` creates. At most `limit` queries are in flight or waiting; further ones are refused at once. A lost connection, three
 * late answers in a row or a silent server trigger a probe. A failed probe opens the breaker: the pool is discarded with all its queries (a half-open
 * socket never errors by itself), and every 500 ms the guard looks for the database, with several servers for the writable one. A read-only database
 * counts as unreachable: it is a standby, or was demoted. With one backend (the embedded one, without `servers`), a query with a long deadline delays
 * all others, so their lateness means nothing.
 */
export function guard(options: PoolOptions, limit: number, log: Log): Database {
  const { servers, transaction = begin, pooled = () => false, trouble } = options
  const counted = { pending: 0, refused: 0, late: 0, lost: 0, queries: 0, seconds: 0, moves: 0, renewals: 0 }
  const figures: Figures = { limit, ...counted }
  const health = followCondition()
  const breaker = createBreaker(options, transaction, { figures, health, log })
  const { now, probe, renew, firstProbe } = breaker
  const refusals = watchRefusals(async () => {
    if (now.state === 'up') await withDeadline(transaction(now.sql, attemptWrite), DEADLINE)
  }, log)

  async function run<T>(work: (sql: Sql) => PromiseLike<T>, deadline = DEADLINE, again = true): Promise<T> {
    if (now.state === 'starting') await awaitFirstProbe(deadline)
    if (now.state === 'down' || now.pretended === 1)
      throw new DatabaseNotAsked('it did not answer the last probe', now.failure, whyDown())
    if (now.pretended > 0 && Math.random() < now.pretended) throw new DatabaseNotAsked('made unreachable by /chaos')
    assertRoom()
    figures.pending++
    const patient = deadline > DEADLINE
    if (patient) now.longOnes++
    const started = performance.now()
    const asked = now.sql
    const pool = now.pool
    pool.queries++
    let over = false
    try {
      const result = await withDeadline(work(asked), deadline, () => {
        over = true
        pool.queries--
        figures.pending--
        if (patient) now.longOnes--
      })
      now.lateInARow = 0
      pool.answeredAt = performance.now()
      health.answered()
      figures.queries++
      figures.seconds += (performance.now() - started) / 1000
      return result
    } catch (error) {
      if (error === LATE) {
        figures.late++
        if (servers && !patient) setTimeout(() => !over && now.sql === asked && renew(SILENT), DEAD_AFTER - deadline).unref()
        if (servers || now.longOnes === 0) {
          if (!patient) health.late(deadline)
          if (++now.lateInARow >= LATE_IN_A_ROW) void probe()
        }
        throw new DatabaseUnreachable(`no answer within ${deadline} ms`, LATE)
      }
      if (isFromServer(error)) pool.answeredAt = performance.now()
      if (error instanceof DatabaseUnreachable) throw error
      if (isConnectionError(error)) {
        figures.lost++
        void probe()
        throw new DatabaseUnreachable('the connection was lost', error, causeOf(error))
      }
      if (isStalePlan(error)) {
        if (now.sql === asked) renew('a prepared statement is no longer valid')
        if (again) return run(work, deadline, false) // it was refused before it did anything
        throw new DatabaseUnreachable('its tables are being changed', error)
      }
      refusals.note(error)
      const words = causeOf(error)
      if (words) throw new DatabaseRefuses(words, error)
      if (isPassing(error)) throw new DatabaseUnreachable('it is overloaded', error)
      throw error
    }
  }

  const whyDown = () => (now.state === 'down' ? (trouble?.() ?? now.downFor) : undefined)

  /** Waits for the first probe, which may find another server and replace the pool. */
  async function awaitFirstProbe(deadline: number) {
    assertRoom()
    figures.pending++
    try {
      await withDeadline(firstProbe, deadline)
    } catch {
      throw new DatabaseNotAsked('it has not answered yet')
    } finally {
      figures.pending--
    }
  }

  function assertRoom() {
    if (figures.pending < limit) return
    figures.refused++
    throw new DatabaseNotAsked('too many queries are waiting')
  }

  const pulse = setInterval(() => {
    if (health.now() !== 'up' && now.state === 'up' && figures.pending < limit)
      run((sql) => sql`select`, PULSE_DEADLINE).catch(() => {})
  }, PULSE_EVERY)
  pulse.unref()

  return {
    run: <T>(work: (sql: Sql) => PromiseLike<T>, deadline?: number) =>
      run((sql) => (pooled() ? transaction<T>(sql, work as never) : work(sql)), deadline),
    transaction: (work, deadline) => run((sql) => transaction(sql, work), deadline, false),
    state: () => now.state,
    settled: () => (now.state === 'up' && !health.settled() ? 'down' : now.state),
    health,
    downFor: whyDown,
    refusal: () => (now.state === 'up' ? refusals.current() : undefined),
    suspect: refusals.suspect,
    accept: breaker.accept,
    doubt: (reason) => void probe(reason),
    onUp: breaker.onUp,
    figures: () => ({ ...figures }),
    pretendUnreachable(share) {
      now.pretended = share
      void probe()
    },
    async close() {
      clearInterval(pulse)
      refusals.stop()
      await breaker.close()
    },
  }
}
