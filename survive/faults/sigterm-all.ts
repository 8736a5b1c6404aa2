import type { Fault } from '../fault.ts'

export const sigtermAll: Fault = {
  name: 'sigterm-all',
  about: 'SIGTERM to every replica at once; all are started again',
  signs: { log: /the database is reachable/ },
  allAway: true,
  async begin({ members }, { client }) {
    client.crowd(40)
    await Promise.all(members.map((member) => member.end('SIGTERM')))
    return { end: () => Promise.all(members.map((member) => member.start())) }
  },
}
