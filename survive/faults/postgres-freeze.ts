import { DATABASE_AWAY, type Fault } from '../fault.ts'

export const postgresFreeze: Fault = {
  name: 'postgres-freeze',
  about: 'SIGSTOP to PostgreSQL and all its backends: connections stay open, and nothing responds',
  signs: {
    metric: /^waypost_database_up 0/,
    log: /the database is not reachable/,
    alert: /^service_down firing/,
    console: DATABASE_AWAY,
  },
  cutsOff: true,
  atLeast: 8, // three late answers, a deadline of 5 s each, and a probe
  async begin({ pair }) {
    pair.signal('SIGSTOP')
    return { end: async () => pair.signal('SIGCONT') }
  },
}
