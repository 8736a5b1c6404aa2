import { DATABASE_AWAY, type Fault } from '../fault.ts'

export const postgresKill9: Fault = {
  name: 'postgres-kill9',
  about: 'kill -9 of PostgreSQL and all its backends; it recovers from its WAL when it is started again',
  signs: {
    metric: /^waypost_database_up 0/,
    log: /the database is not reachable/,
    alert: /^service_down firing/,
    console: DATABASE_AWAY,
  },
  cutsOff: true,
  async begin({ pair }) {
    pair.signal('SIGKILL')
    await pair.exited()
    return { end: () => pair.start() }
  },
}
