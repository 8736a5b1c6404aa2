import type { ReservedSql } from 'postgres'
import type { Database } from './guard.ts'

/**
 * Runs `work` in a session that has the advisory lock: for statements that cannot run in a transaction. Returns undefined, without waiting, if another
 * session has the lock.
 */
export const withSessionLock = <T>(
  database: Database,
  lock: number,
  work: (session: ReservedSql<{ bigint: number }>) => Promise<T>,
  deadline: number,
): Promise<T | undefined> =>
  database.run(async (pool) => {
    const session = await pool.reserve()
    try {
      const [turn] = await session<{ mine: boolean }[]>`select pg_try_advisory_lock(${lock}) as mine`
      if (!turn!.mine) return undefined
      try {
        return await work(session)
      } finally {
        await session`select pg_advisory_unlock(${lock})`.catch(() => {}) // released with the session
      }
    } finally {
      session.release()
    }
  }, deadline)
