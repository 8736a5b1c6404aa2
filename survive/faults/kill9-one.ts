import type { Fault } from '../fault.ts'

export const kill9One: Fault = {
  name: 'kill9-one',
  about: 'kill -9 of one replica among 40 visitors; its supervisor starts it again at the end',
  signs: { fleet: / is lost/, console: /Lost: not heard of since/ },
  atLeast: 9, // a replica counts as lost after 5 s, and the console may have to find another that tells it
  async begin({ members }, { client, random }) {
    const member = random.of(members)
    client.crowd(40)
    await Bun.sleep(2)
    await member.end('SIGKILL')
    return { end: () => member.start() }
  },
  restarts: true,
}
