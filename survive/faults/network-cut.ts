import { DATABASE_AWAY, type Fault } from '../fault.ts'
import { CUTS } from '../network.ts'

export const networkCut: Fault = {
  name: 'network-cut',
  about:
    'Between one replica and the databases nothing arrives any more: its cable is pulled, or the way is silent beyond it; then it is whole again',
  signs: {
    metric: /^waypost_database_up 0/,
    log: /the database is not reachable/,
    alert: /^service_down firing/,
    console: DATABASE_AWAY,
  },
  cutsOff: true,
  atLeast: 10,
  async begin({ members, ownNetwork }, { random, note }) {
    const member = random.of(members)
    const how = random.of(CUTS)
    note(`replica ${member.number}, ${ownNetwork ? how : 'by its wire'}`)
    member.cut(how)
    return { end: async () => member.heal() }
  },
}
