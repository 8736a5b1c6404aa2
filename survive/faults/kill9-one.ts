import type { Fault } from '../fault.ts'

export const kill9One: Fault = {
  name: 'kill9-one',
  about: 'kill -9 of one replica among 40 visitors; its supervisor starts it again at the end',
  signs: {
    metric: /^waypost_replicas_missed 1/,
    log: /a replica is lost and was not replaced/,
    alert: /^replica_lost firing/,
    fleet: / is lost/,
    console: /Stopped responding at/,
  },
  atLeast: 15, // it is missed after ten seconds, in which a supervisor would have started it again
  async begin({ members }, { client, random }) {
    const member = random.of(members)
    client.crowd(40)
    await Bun.sleep(2)
    await member.end('SIGKILL')
    return { end: () => member.start() }
  },
  restarts: true,
}
