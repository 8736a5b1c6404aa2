import type { Database } from '../database/guard.ts'
import { newestSchema } from '../database/migrate.ts'
import { faultIn, type Row } from './row.ts'
import type { Replica } from './schema.ts'

/** `clock`: the database's time, in ms since 1970. `odd`: invalid rows, and why. */
type Beat = { clock: number; others: Row[]; odd: { id: string; reason: string }[] }

const SEEN = 64 // at most this many others are shown and queried
const AHEAD = 10 // seconds: a later heartbeat is from before the database's clock was set back, and is repeated within a second

export function replicaStore(database: Database) {
  return {
    /** Writes the heartbeat of `self`; reads the other replicas and the database's time. */
    async beat({ id, slot, hostname, url, version, state, rate, started_at }: Replica, place: string): Promise<Beat> {
      // Rows may not be ours: values that would make the statement fail, or weigh megabytes, become null.
      const rows = await database.run(
        (sql) => sql<({ clock: number } & Record<keyof Row, never>)[]>`
          with beat as (
            insert into replicas (id, place, slot, hostname, url, version, schema, state, rate, started_at)
            values (${id}, ${place}, ${slot}, ${hostname}, ${url}, ${version}, ${newestSchema}, ${state}, ${rate}, ${started_at})
            on conflict (id) do update set url = excluded.url, state = excluded.state, rate = excluded.rate, seen_at = excluded.seen_at
            returning extract(epoch from clock_timestamp())::float8 * 1000 as clock),
          known as (
            select *, seen_at between clock_timestamp() - interval '1 year' and clock_timestamp() + ${AHEAD} * interval '1 s' as is_seen
            from replicas where id <> ${id})
          select clock, other.* from beat left join (
            select id, slot, case when octet_length(hostname) < 1000 then hostname end as hostname,
              case when octet_length(url) < 10000 then url when url is not null then '' end as url,
              case when octet_length(version) < 1000 then version end as version,
              case when octet_length(state) < 1000 then state end as state, rate,
              case when started_at between '2000-01-01Z' and '9999-01-01Z' then started_at end as started_at,
              case when is_seen then greatest(0, extract(epoch from clock_timestamp() - known.seen_at))::float8 * 1000 end as age
            from known order by is_seen desc, known.seen_at desc limit ${SEEN}) other on true`,
      )
      const found = rows
        .filter(({ id }) => id !== null)
        .map(({ clock: _, ...row }) => ({ row: row as Row, reason: faultIn(row) }))
      return {
        clock: rows[0]!.clock,
        others: found.filter(({ reason }) => reason === undefined).map(({ row }) => row),
        odd: found.flatMap(({ row: { id }, reason }) => (reason === undefined ? [] : [{ id, reason }])),
      }
    },

    /** Deletes earlier replicas at `place`: we own its slot, so they are dead. */
    inherit: (id: string, place: string) =>
      database.run((sql) => sql`delete from replicas where place = ${place} and id <> ${id}`),

    /** Deletes replicas not seen for a day, or seen in the future: the database's clock was wrong, or somebody else wrote the row. */
    forget: () =>
      database.run(
        (sql) => sql`delete from replicas where not seen_at between now() - interval '1 day' and now() + interval '1 hour'`,
      ),

    leave: (id: string) => database.run((sql) => sql`delete from replicas where id = ${id}`, 1_000),
  }
}
