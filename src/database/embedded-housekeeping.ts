// The work of a server's background processes, which PGlite lacks: without it there were 1.5 GB of WAL and 726,000 dead rows. It uses the socket
// like any client, so that it never comes between another client's messages.
import type { Sql } from 'postgres'
import { waitAtMost } from '../base/time-limit.ts'
import type { Log } from '../telemetry/logs.ts'

const WAL_BETWEEN_CHECKPOINTS = 64 * 1024 * 1024
const TIME_BETWEEN_CHECKPOINTS = 5 * 60_000
const LOOK_EVERY = 1_000
const LOOK_EVERY_IF_IDLE = 3_000
const VACUUM_EVERY = 30_000
const DEAD_ROWS_WORTH_A_VACUUM = 5_000
/** Without statistics of a large table, PostgreSQL sorts all of it for a page of 20 rows. */
const CHANGES_WORTH_STATISTICS = 1_000

/**
 * Checkpoints every 64 MB of WAL or 5 minutes, vacuums the table with the most dead rows, and collects statistics of the one that changed most;
 * returns how to stop. `patient` wraps what may take long; does nothing unless the database `runs`.
 */
export function keepHouse(
  connect: () => Sql,
  log: Log,
  { patient, runs }: { patient: <T>(work: () => Promise<T>) => Promise<T>; runs: () => boolean },
) {
  const sql = connect()
  let lastCheckpoint = { at: Date.now(), lsn: '' }
  let lastVacuumLook = Date.now()
  let last = ''
  let idle = false
  let ended = false
  const stopped = Promise.withResolvers<void>()
  const loop = (async () => {
    while (!ended) {
      await waitAtMost(stopped.promise, idle ? LOOK_EVERY_IF_IDLE : LOOK_EVERY)
      if (!runs()) continue
      try {
        if (!ended) await checkpointIfDue()
        if (!ended && Date.now() - lastVacuumLook >= VACUUM_EVERY) {
          lastVacuumLook = Date.now()
          await vacuumOne()
        }
      } catch (error) {
        if (!ended) log.warn({ err: error }, 'housekeeping of the embedded database failed and will be retried')
      }
    }
  })()

  async function checkpointIfDue() {
    const [now] = await sql<{ lsn: string; wal: number }[]>`
      select pg_current_wal_lsn()::text as lsn,
             pg_wal_lsn_diff(pg_current_wal_lsn(), ${lastCheckpoint.lsn || '0/0'}::pg_lsn)::float8 as wal`
    if (!now) return
    idle = now.lsn === last
    last = now.lsn
    const full = lastCheckpoint.lsn === '' || now.wal >= WAL_BETWEEN_CHECKPOINTS
    const aged = now.wal > 1_000 && Date.now() - lastCheckpoint.at >= TIME_BETWEEN_CHECKPOINTS
    if (!full && !aged) return
    await patient(() => sql`checkpoint`.simple())
    lastCheckpoint = { at: Date.now(), lsn: now.lsn }
  }

  async function vacuumOne() {
    const [table] = await sql<{ name: string }[]>`
      select format('%I.%I', schemaname, relname) as name from pg_stat_user_tables
      where n_dead_tup > ${DEAD_ROWS_WORTH_A_VACUUM} and n_dead_tup > n_live_tup / 10
      order by n_dead_tup desc limit 1`
    if (table) return patient(() => sql.unsafe(`vacuum (analyze) ${table.name}`).simple())
    const [changed] = await sql<{ name: string }[]>`
      select format('%I.%I', schemaname, relname) as name from pg_stat_user_tables
      where n_mod_since_analyze > ${CHANGES_WORTH_STATISTICS} and n_mod_since_analyze > n_live_tup / 10
      order by n_mod_since_analyze desc limit 1`
    if (changed) return patient(() => sql.unsafe(`analyze ${changed.name}`).simple())
  }

  return async () => {
    ended = true
    stopped.resolve()
    await sql.end({ timeout: 1 }).catch(() => {})
    await loop
  }
}
