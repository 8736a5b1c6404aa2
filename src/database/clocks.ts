// The time, checked by several clocks that do not jump together. Irreversible work (dropping events, moving ids ahead) waits until they agree.
import type { Database } from './guard.ts'

/** ms since 1970: the database's clock, and the time of its newest event; undefined if there are no events. */
type DatabaseTimes = { database: number; newest: number | undefined }
/** ms since 1970, or in words why it is unknown. */
export type Time = { at: number } | { doubt: string }

export type Clocks = { agree: (told: DatabaseTimes) => Time }

const HOUR = 3_600_000
const DAY = 24 * HOUR
const APART = HOUR
/** After this long without an event, a pause and a clock that is ahead look the same. */
const PAUSE = 7 * DAY
/** After a pause or a jump, the clock is trusted again once it has run evenly for this long. */
const EVENLY = DAY

/** The sources: this machine's clock, its monotonic clock, the database's clock, and the newest event there. */
export function watchClocks({ wall = Date.now, steady = () => performance.now() } = {}): Clocks {
  let began = wall() - steady()
  let evenlySince = steady()
  let jumped = 0

  return {
    agree({ database, newest }) {
      const here = wall()
      const moved = here - steady() - began
      if (Math.abs(moved) > APART) {
        jumped = moved
        began += moved
        evenlySince = steady()
      }
      const evenly = steady() - evenlySince >= EVENLY
      if (Math.abs(database - here) > APART)
        return { doubt: `the clock of the database is ${apart(database - here)} the one of this machine` }
      if (jumped !== 0 && !evenly)
        return { doubt: `the clock of this machine jumped within the last day: it is ${apart(jumped)} where it was` }
      if (newest !== undefined && here - newest > PAUSE && !evenly)
        return { doubt: `the clocks are ${apart(here - newest)} the newest event, and have not been watched for a day` }
      return { at: Math.min(here, database) }
    },
  }
}

const apart = (ms: number) => {
  const hours = Math.abs(ms) / HOUR
  return `${hours < 48 ? `${Math.round(hours)} hours` : `${Math.round(hours / 24)} days`} ${ms > 0 ? 'ahead of' : 'behind'}`
}

/** How many of the last rows to search for the newest time: clicks are stored late, with the times of their visits. */
const NEWEST = 1_000

/** The database's times, for `clocks`. */
export async function askTime(database: Database): Promise<DatabaseTimes> {
  const [row] = await database.run(
    (sql) => sql<{ now: number; newest: number | null }[]>`
      select (extract(epoch from event_clock()) * 1000)::float8 as now,
        (select (extract(epoch from max(timestamp)) * 1000)::float8 from (
          (select timestamp from events order by id desc limit ${NEWEST}) union all
          (select timestamp from clicks order by id >> 6 desc, id desc limit ${NEWEST})) as last) as newest`,
  )
  return { database: row!.now, newest: row!.newest ?? undefined }
}
