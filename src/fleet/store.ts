import type { Database } from '../database/guard.ts'
import type { Replica } from './schema.ts'

/** Another replica as the database has it; `age` in ms since it was seen, by the database's clock. */
export type Row = Omit<Replica, 'self'> & { age: number }

/** `clock`: what the database's said, in ms since 1970. */
type Beat = { clock: number; others: Row[] }

const SEEN = 64 // so many others are shown and asked

export type ReplicaStore = ReturnType<typeof replicaStore>

export function replicaStore(database: Database) {
  return {
    /** Says that `self` runs, and reads who else does, and what time it is there. */
    async beat({ id, slot, hostname, url, version, state, rate, started_at }: Replica, place: string): Promise<Beat> {
      const rows = await database.run(
        (sql) => sql<({ clock: number } & (Row | Record<keyof Row, null>))[]>`
          with beat as (
            insert into replicas (id, place, slot, hostname, url, version, state, rate, started_at)
            values (${id}, ${place}, ${slot}, ${hostname}, ${url}, ${version}, ${state}, ${rate}, ${started_at})
            on conflict (id) do update set url = excluded.url, state = excluded.state, rate = excluded.rate, seen_at = excluded.seen_at
            returning extract(epoch from clock_timestamp())::float8 * 1000 as clock)
          select clock, other.* from beat left join (
            select id, slot, hostname, url, version, state, rate, started_at, seen_at,
              greatest(0, extract(epoch from clock_timestamp() - replicas.seen_at))::float8 * 1000 as age
            from replicas where id <> ${id} order by replicas.seen_at desc limit ${SEEN}) other on true`,
      )
      const others = rows.filter(({ id }) => id !== null).map(({ clock: _, ...row }) => row as Row)
      return { clock: rows[0]!.clock, others }
    },

    /** Takes away who ran at `place` before `id`: its slot is ours, so it is dead. */
    inherit: (id: string, place: string) =>
      database.run((sql) => sql`delete from replicas where place = ${place} and id <> ${id}`),

    /** Takes away who was not seen for a day. */
    forget: () => database.run((sql) => sql`delete from replicas where seen_at < now() - interval '1 day'`),

    leave: (id: string) => database.run((sql) => sql`delete from replicas where id = ${id}`, 1_000),
  }
}
