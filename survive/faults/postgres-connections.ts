import { DATABASE_AWAY, type Fault } from '../fault.ts'
import { ownConnection } from '../fleet.ts'

const MANY = 120

export const postgresConnections: Fault = {
  name: 'postgres-connections',
  about: 'Another client takes every connection of PostgreSQL, after those of the replicas were closed',
  signs: {
    metric: /^waypost_database_up 0/,
    log: /the database is not reachable/,
    alert: /^service_down firing/,
    console: DATABASE_AWAY,
  },
  cutsOff: true,
  async begin({ pair }) {
    const greedy = Array.from({ length: MANY }, () => ownConnection(pair.url(), 1))
    const take = () => Promise.all(greedy.map((sql) => sql`select 1`.catch(() => {})))
    await take()
    const ender = greedy[0]!
    await ender`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'waypost'`.catch(() => {})
    await take()
    return { end: () => Promise.all(greedy.map((sql) => sql.end({ timeout: 0 }))) }
  },
}
