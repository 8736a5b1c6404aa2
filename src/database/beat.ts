// A query each second: a connection that was cut without a word shows by its silence, before a visitor waits for it, and so does a server that was
// passed over by a failover.
import { LATE, withDeadline } from './deadline.ts'
import type { Sql } from './guard.ts'
import { NoPrimary, type Servers } from './servers.ts'

type Heart = {
  servers: Servers
  connections: number
  /** The pool as it is now. */
  sql: () => Sql
  isUp: () => boolean
  isProbing: () => boolean
  /** Queries that hang on the pool, those of them that asked for more time, when one of them was last answered, when the pool was last made anew. */
  traffic: () => { queries: number; longOnes: number; answeredAt: number; renewedAt: number }
  /** Finds out whether the database is away; `failure` is known already. */
  probe: (failure?: unknown) => void
  /** Another server is followed now. */
  move: () => void
  /** Makes the connections anew. */
  renew: (reason: string) => void
}

/** Of a first answer by a new connection, which takes some six round trips with its handshake: half a second each is slow, and not away. */
export const FIRST_ANSWER_WITHIN = 3_000
export const SILENT = 'one of them does not answer'
const BEAT_EVERY = 1_000
const BEAT_DEADLINE = 1_000
/** And then a new connection's first answer, by which a server that is slow, at half a second there and back, is told from a silent one. */
const SIGN_OF_LIFE_WITHIN = 1_500
/** Every so many beats all servers are asked whether another took over while the one followed lives on. */
const BEATS_A_LOOK = 4
/** Connections that do not answer may as well wait for a lock: more and more pools would be too many connections. */
const RENEW_EVERY = 10_000

export const whether = (sql: Sql) => sql<{ read_only: boolean }[]>`
  select pg_is_in_recovery() or current_setting('transaction_read_only')::bool as read_only`

export async function assertWritable(query: ReturnType<typeof whether>, deadline: number) {
  const [row] = await withDeadline(query, deadline)
  if (row!.read_only) throw new Error('it takes no writes: a standby, or a primary that was demoted')
}

/** Begins to beat; returns the way to stop. */
export function startBeat({ servers, connections, sql, isUp, isProbing, traffic, probe, move, renew }: Heart): () => void {
  let beats = 0
  let beating = false

  /** One beat visits one connection, and the next another: the pool uses them in turn. */
  async function beat() {
    if (!isUp() || isProbing() || beating) return
    beating = true
    let answered = false
    const sentAt = performance.now()
    const query = whether(sql())
    query.then(
      () => (answered = true),
      () => {},
    )
    try {
      await assertWritable(query, BEAT_DEADLINE)
      if (servers.several && ++beats % BEATS_A_LOOK === 0 && (await servers.find(BEAT_DEADLINE).catch(() => false))) move()
    } catch (error) {
      const isSent = Boolean((query as { state?: unknown }).state)
      if (error === LATE) await explainSilence(isSent ? sentAt : undefined, () => answered)
      else probe()
    } finally {
      beating = false
    }
  }

  /**
   * A connection of its own tells whether the server is silent, or only the one that was asked. Nothing is said of that one where it still opens, or
   * where all are busy and others are answered.
   */
  async function explainSilence(sentAt: number | undefined, answered: () => boolean) {
    const asked = sql()
    const isOver = () => answered() || sql() !== asked || !isUp() // somebody else found out meanwhile
    const began = performance.now()
    try {
      if (await servers.find(sentAt === undefined ? FIRST_ANSWER_WITHIN : SIGN_OF_LIFE_WITHIN)) return move()
      await Bun.sleep(performance.now() - began) // which took as many round trips as its own answer may
      const { queries, answeredAt, longOnes, renewedAt } = traffic()
      if (sentAt === undefined || isOver() || performance.now() - renewedAt < RENEW_EVERY) return
      const isBusy = queries >= connections && (longOnes > 0 || answeredAt > sentAt)
      if (!isBusy) renew(SILENT)
    } catch (error) {
      if (!(error instanceof NoPrimary && error.full) && !isOver()) probe(error)
    }
  }

  const timer = setInterval(beat, BEAT_EVERY)
  return () => clearInterval(timer)
}
