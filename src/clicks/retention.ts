// Events older than the limit go, a month's partition at a time; totals and statistics stay.
// Every step can be the last before a crash: what is left (a detachment that waits, a table detached but still there) is found the next time.
import type { Database, Sql } from '../database/guard.ts'
import type { Log } from '../telemetry/logs.ts'

const LOCK = 7_767_003
const ROWS_A_CHUNK = 5_000
const DEADLINE = 60_000 // a step of its own waits 5 s for a lock, then leaves the rest to the next time

type State = 'attached' | 'detaching' | 'detached'
type Partition = { name: string; state: State }
type Session = Pick<Sql, 'unsafe'>

/**
 * Drops what is older than `days`. `external`: there are other sessions, writers that must not wait; the embedded database has one.
 * One replica at a time. Throws where a transaction under way is in the way for long; what is left is for the next call.
 */
export async function dropOldEvents(database: Database, log: Log, days: number, external: boolean): Promise<void> {
  for (const { name } of await oldPartitions(database, days)) {
    const drop = external ? dropBesideWriters : dropAlone
    if (await drop(database, name)) log.info({ partition: name, days }, 'a partition of old events was dropped')
  }
  await trimImported(database, days)
}

/** Detached first, which needs no lock that a writer waits for; no transaction can hold that, so the turn is the session's. */
const dropBesideWriters = (database: Database, name: string) =>
  database.run(async (pool) => {
    const session = await pool.reserve()
    try {
      const [turn] = await session<{ mine: boolean }[]>`select pg_try_advisory_lock(${LOCK}) as mine`
      if (!turn!.mine) return false
      try {
        const state = await stateOf(session, name) // another replica may have had its turn since
        if (state === 'attached') await session.unsafe(`alter table events detach partition ${name} concurrently`).simple()
        if (state === 'detaching') await session.unsafe(`alter table events detach partition ${name} finalize`).simple()
        if (state !== undefined) await session.unsafe(`drop table ${name}`).simple()
        return state !== undefined
      } finally {
        await session`select pg_advisory_unlock(${LOCK})`.catch(() => {}) // gone with the session
      }
    } finally {
      session.release()
    }
  }, DEADLINE)

const dropAlone = (database: Database, name: string) =>
  database.transaction(async (sql) => {
    const state = await stateOf(sql, name)
    if (state === 'attached') await sql.unsafe(`alter table events detach partition ${name}`)
    if (state !== undefined) await sql.unsafe(`drop table ${name}`)
    return state !== undefined
  }, DEADLINE)

/** Months that ended before the limit, whole or left half-way. Their names are ours: events_2026_01. */
const oldPartitions = (database: Database, days: number) =>
  database.run((sql) =>
    sql.unsafe<Partition[]>(
      `${PARTITIONS}
      and make_date(substr(c.relname, 8, 4)::int, substr(c.relname, 13, 2)::int, 1) + interval '1 month'
        <= (now() - make_interval(days => $1::int)) at time zone 'UTC'
      order by 1`,
      [days],
    ),
  )

async function stateOf(session: Session, name: string): Promise<State | undefined> {
  const [found] = await session.unsafe<Partition[]>(`${PARTITIONS} and c.relname = $1`, [name])
  return found?.state
}

// A table of such a name that has not the columns of events is somebody else's.
const PARTITIONS = `
  select c.relname as name, case when i.inhrelid is null then 'detached' when i.inhdetachpending then 'detaching' else 'attached' end as state
  from pg_class events
  join pg_class c on c.relnamespace = events.relnamespace and c.relkind = 'r'
    and c.relname ~ '^events_(?:19|2[0-9])[0-9]{2}_(?:0[1-9]|1[0-2])$'
  left join pg_inherits i on i.inhrelid = c.oid and i.inhparent = events.oid
  where events.oid = 'events'::regclass
    and (select array_agg(attname order by attname) from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped)
      = (select array_agg(attname order by attname) from pg_attribute where attrelid = events.oid and attnum > 0 and not attisdropped)`

/** Imported events are of all ages in one partition. */
async function trimImported(database: Database, days: number) {
  for (;;) {
    const [chunk] = await database.run(
      (sql) => sql<{ deleted: number }[]>`
        with turn as materialized (select pg_try_advisory_xact_lock(${LOCK}) as mine),
        gone as (
          delete from events_imported where id = any (array(
            select id from events_imported
            where (select mine from turn) and timestamp < now() - make_interval(days => ${days})
            order by timestamp limit ${ROWS_A_CHUNK}))
          returning 1)
        select count(*) as deleted from gone`,
    )
    if (chunk!.deleted < ROWS_A_CHUNK) return
  }
}
