import { DATABASE_AWAY, type Fault } from '../fault.ts'

export const postgresStop: Fault = {
  name: 'postgres-stop',
  about: 'PostgreSQL is shut down cleanly, and started again',
  signs: {
    metric: /^waypost_database_up 0/,
    log: /the database is not reachable/,
    alert: /^service_down firing/,
    console: DATABASE_AWAY,
  },
  cutsOff: true,
  async begin({ pair }) {
    await pair.halt()
    return { end: () => pair.start() }
  },
}
