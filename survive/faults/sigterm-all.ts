import { type Fault, grown } from '../fault.ts'

export const sigtermAll: Fault = {
  name: 'sigterm-all',
  about: 'SIGTERM to every replica at once; all are started again',
  signs: {
    metric: grown(/^process_start_time_seconds$/),
    log: /the database is reachable/,
    console: /Not live|The server is unreachable|draining/,
  },
  restarts: true,
  allAway: true,
  async begin({ members }, { client }) {
    client.crowd(40)
    await Promise.all(members.map((member) => member.end('SIGTERM')))
    return { end: () => Promise.all(members.map((member) => member.start())) }
  },
}
