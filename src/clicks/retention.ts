// Drops events and clicks older than the limit, one monthly partition of each at a time; totals and statistics stay. Any step may be the last
// before a crash: the next call finds what is left (a pending detachment, or a table that is detached but still exists).
import { askTime, watchClocks } from '../database/clocks.ts'
import type { Database, Sql } from '../database/guard.ts'
import { inPortions, portionUpTo } from '../database/portion.ts'
import { withSessionLock } from '../database/session-lock.ts'
import { hasState } from '../database/sql-state.ts'
import type { Log } from '../telemetry/logs.ts'

const LOCK = 7_767_003
const importedPortion = portionUpTo(5_000)
const DAY = 86_400_000
/** Per partition, by id: clicks that waited in a journal have older times. */
const LAST_EVENTS = 1_000
const DEADLINE = 60_000 // each step waits at most 5 s for a lock, and leaves the rest to the next call

type State = 'attached' | 'detaching' | 'detached'
type Partition = { name: string; state: State }
/** Partitioned tables, and how to order their rows: stored last first. */
const PARENTS = { events: 'id desc', clicks: 'id >> 6 desc, id desc' }
type Parent = keyof typeof PARENTS
type Session = Pick<Sql, 'unsafe'>

/**
 * Drops the oldest partitions with only events or clicks older than `days`, one of each per call, and trims imported events. Does nothing while
 * the clocks disagree.
 * `external`: there are other sessions, writers that must not wait; the embedded database has only one. One replica at a time. Throws if a transaction
 * in flight blocks it for long; the next call does the rest. Returns whether a partition was dropped.
 */
export async function dropOldEvents(
  database: Database,
  log: Log,
  days: number,
  external: boolean,
  clocks = watchClocks(),
): Promise<boolean> {
  const time = clocks.agree(await askTime(database))
  if ('doubt' in time) {
    log.warn({ reason: time.doubt }, 'the time is uncertain: old events are kept for now')
    return false
  }
  const limit = time.at - days * DAY
  const drop = external ? dropConcurrently : dropAlone
  let dropped = false
  for (const parent of ['events', 'clicks'] as const) if (await dropOldest(parent, time.at)) dropped = true
  await trimImported(database, limit)
  return dropped

  async function dropOldest(parent: Parent, now: number): Promise<boolean> {
    for (const { name } of await oldPartitions(database, parent, limit)) {
      const newest = await newestOf(database, parent, name, now)
      if (newest === undefined || newest >= limit) continue
      const dropped = (await drop(database, parent, name)) === true
      if (dropped) log.info({ partition: name, days }, `a partition of old ${parent} was dropped`)
      return dropped
    }
    return false
  }
}

/** Detaches first, without a lock that writers wait for. That cannot run in a transaction, so the advisory lock belongs to the session. */
const dropConcurrently = (database: Database, parent: Parent, name: string) =>
  withSessionLock(
    database,
    LOCK,
    async (session) => {
      const state = await stateOf(session, parent, name) // another replica may have been faster
      if (state === 'attached') await session.unsafe(`alter table ${parent} detach partition ${name} concurrently`).simple()
      if (state === 'detaching') await session.unsafe(`alter table ${parent} detach partition ${name} finalize`).simple()
      if (state !== undefined) await session.unsafe(`drop table ${name}`).simple()
      return state !== undefined
    },
    DEADLINE,
  )

const dropAlone = (database: Database, parent: Parent, name: string) =>
  database.transaction(async (sql) => {
    const state = await stateOf(sql, parent, name)
    if (state === 'attached') await sql.unsafe(`alter table ${parent} detach partition ${name}`)
    if (state !== undefined) await sql.unsafe(`drop table ${name}`)
    return state !== undefined
  }, DEADLINE)

/**
 * Months that ended before `limit` (ms), oldest first, attached or half detached, by our names: events_2026_01, clicks_2026_01. Never the month
 * from which ids are assigned, nor later ones, whatever a clock says.
 */
const oldPartitions = (database: Database, parent: Parent, limit: number) =>
  database.run((sql) =>
    sql.unsafe<Partition[]>(
      `${partitionsOf(parent)}
      and (make_date(substr(c.relname, 8, 4)::int, substr(c.relname, 13, 2)::int, 1) + interval '1 month') at time zone 'UTC'
        <= least(to_timestamp($1::float8), timestamptz '2020-01-01 00:00:00+00' + (select last_value from event_ids) / 4096 * interval '1 millisecond')
      order by 1`,
      [limit / 1000],
    ),
  )

/**
 * When the last events of a partition were stored, in ms, by their own times, without those from the future. Undefined if it must stay (some of its
 * clicks are not counted yet), or another replica dropped it.
 */
async function newestOf(database: Database, parent: Parent, name: string, now: number): Promise<number | undefined> {
  try {
    const [row] = await database.run((sql) =>
      sql.unsafe<{ newest: number | null; last: number | null; counted: number }[]>(
        `select (extract(epoch from max(timestamp) filter (where timestamp < to_timestamp($1::float8))) * 1000)::float8 as newest,
           max(id) as last, (select watermark from click_rollup) as counted
         from (select id, timestamp from ${name} order by ${PARENTS[parent]} limit ${LAST_EVENTS}) as last`,
        [(now + DAY) / 1000],
      ),
    )
    const { newest, last, counted } = row!
    if (parent === 'clicks' && last !== null && last > counted) return undefined
    return newest ?? Number.NEGATIVE_INFINITY
  } catch (error) {
    if (hasState(error, 'undefined_table')) return undefined
    throw error
  }
}

async function stateOf(session: Session, parent: Parent, name: string): Promise<State | undefined> {
  const [found] = await session.unsafe<Partition[]>(`${partitionsOf(parent)} and c.relname = $1`, [name])
  return found?.state
}

// A table with such a name but other columns is not ours.
const partitionsOf = (parent: Parent) => `
  select c.relname as name, case when i.inhrelid is null then 'detached' when i.inhdetachpending then 'detaching' else 'attached' end as state
  from pg_class parent
  join pg_class c on c.relnamespace = parent.relnamespace and c.relkind = 'r'
    and c.relname ~ '^${parent}_(?:19|2[0-9])[0-9]{2}_(?:0[1-9]|1[0-2])$'
  left join pg_inherits i on i.inhrelid = c.oid and i.inhparent = parent.oid
  where parent.oid = '${parent}'::regclass
    and (select array_agg(attname order by attname) from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped)
      = (select array_agg(attname order by attname) from pg_attribute where attrelid = parent.oid and attnum > 0 and not attisdropped)`

/** Imported events of all ages are in one partition. */
const trimImported = (database: Database, limit: number) =>
  inPortions(importedPortion, async (most) => {
    const [chunk] = await database.run(
      (sql) => sql<{ deleted: number }[]>`
        with turn as materialized (select pg_try_advisory_xact_lock(${LOCK}) as mine),
        gone as (
          delete from events_imported where id = any (array(
            select id from events_imported
            where (select mine from turn) and timestamp < to_timestamp(${limit / 1000}::float8)
            order by timestamp limit ${most}))
          returning 1)
        select count(*) as deleted from gone`,
    )
    return chunk!.deleted
  })
