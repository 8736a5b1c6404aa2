import { type Fault, grown } from '../fault.ts'

export const kill9All: Fault = {
  name: 'kill9-all',
  about: 'kill -9 of every replica among 40 visitors; all are started again a second later',
  signs: {
    metric: grown(/^process_start_time_seconds$/),
    log: /clicks of an earlier process were stored|the database is reachable/,
    console: /Not live|The server is unreachable/,
  },
  restarts: true,
  allAway: true,
  async begin({ members }, { client }) {
    client.crowd(40)
    await Bun.sleep(2)
    await Promise.all(members.map((member) => member.end('SIGKILL')))
    await Bun.sleep(1_000)
    return { end: () => Promise.all(members.map((member) => member.start())) }
  },
}
