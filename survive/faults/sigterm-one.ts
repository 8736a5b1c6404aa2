import type { Fault } from '../fault.ts'

export const sigtermOne: Fault = {
  name: 'sigterm-one',
  about: 'SIGTERM to one replica that nginx still uses; it is started again at the end',
  signs: { fleet: / is (draining|lost)/, console: /^All replicas .*(2 replicas|2 of 3 ready)|draining/ },
  atLeast: 6,
  async begin({ members }, { client, random }) {
    const member = random.of(members)
    client.crowd(40)
    await member.end('SIGTERM')
    return { end: () => member.start() }
  },
  restarts: true,
}
