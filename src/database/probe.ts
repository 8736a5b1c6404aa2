// Probes the database each second: finds connections that were cut silently before a visitor waits for them, and servers that a failover left
// behind.
import { LATE, withDeadline } from './deadline.ts'
import type { Sql } from './guard.ts'
import { NoPrimary, type Servers } from './servers.ts'

type Parts = {
  servers: Servers
  connections: number
  /** The current pool. */
  sql: () => Sql
  isUp: () => boolean
  isProbing: () => boolean
  /** Queries on the pool, those with a longer deadline, the time of the last answer, and the time of the last renewal. */
  traffic: () => { queries: number; longOnes: number; answeredAt: number; renewedAt: number }
  /** Checks whether the database is unreachable; `failure` is one that is already known. */
  probe: (failure?: unknown) => void
  /** The followed server changed. */
  move: () => void
  /** Replaces the connections. */
  renew: (reason: string) => void
}

/** For a new connection's first answer, which takes some six round trips with its handshake: half a second each is slow, but not unreachable. */
export const FIRST_ANSWER_WITHIN = 3_000
export const SILENT = 'a connection does not answer'
const CHECK_EVERY = 1_000
const CHECK_DEADLINE = 1_000
/** For the first answer of a new connection, after a silent probe: it tells a slow server, at half a second per round trip, from a silent one. */
const SIGN_OF_LIFE_WITHIN = 1_500
/** After this many checks, all servers are checked for a new primary, because the old one may still run. */
const CHECKS_PER_SEARCH = 4
/** Connections without answers may also wait for a lock: new pools again and again would be too many connections. */
const RENEW_EVERY = 10_000

export const writability = (sql: Sql) => sql<{ standby: boolean; read_only: boolean }[]>`
  select pg_is_in_recovery() as standby, current_setting('transaction_read_only')::bool as read_only`

export async function assertWritable(query: ReturnType<typeof writability>, deadline: number) {
  const [row] = await withDeadline(query, deadline)
  if (row!.standby) throw new Error('it takes no writes: a standby, or a primary that was demoted')
  if (row!.read_only)
    throw new Error('it takes no writes: default_transaction_read_only is on for its role, its database or the server')
}

/** Starts probing; returns how to stop. */
export function startProbing({ servers, connections, sql, isUp, isProbing, traffic, probe, move, renew }: Parts): () => void {
  let checks = 0
  let running = false

  /** Each check uses one connection, and the next one another: the pool rotates them. */
  async function check() {
    if (!isUp() || isProbing() || running) return
    running = true
    let answered = false
    const sentAt = performance.now()
    const query = writability(sql())
    query.then(
      () => (answered = true),
      () => {},
    )
    try {
      await assertWritable(query, CHECK_DEADLINE)
      if (servers.several && ++checks % CHECKS_PER_SEARCH === 0 && (await servers.find(CHECK_DEADLINE).catch(() => false))) move()
    } catch (error) {
      const isSent = Boolean((query as { state?: unknown }).state)
      if (error === LATE) await explainSilence(isSent ? sentAt : undefined, () => answered)
      else probe()
    } finally {
      running = false
    }
  }

  /**
   * A separate connection tells a dead server from a dead connection. No conclusion while the connection is still opening, or while the pool is busy and
   * others are answered.
   */
  async function explainSilence(sentAt: number | undefined, answered: () => boolean) {
    const asked = sql()
    const isOver = () => answered() || sql() !== asked || !isUp() // settled in the meantime
    const began = performance.now()
    try {
      if (await servers.find(sentAt === undefined ? FIRST_ANSWER_WITHIN : SIGN_OF_LIFE_WITHIN)) return move()
      await Bun.sleep(performance.now() - began) // the search took as many round trips as the answer may
      const { queries, answeredAt, longOnes, renewedAt } = traffic()
      if (sentAt === undefined || isOver() || performance.now() - renewedAt < RENEW_EVERY) return
      const isBusy = queries >= connections && (longOnes > 0 || answeredAt > sentAt)
      if (!isBusy) renew(SILENT)
    } catch (error) {
      if (!(error instanceof NoPrimary && error.full) && !isOver()) probe(error)
    }
  }

  const timer = setInterval(check, CHECK_EVERY)
  return () => clearInterval(timer)
}
