import { DATABASE_AWAY, type Fault } from '../fault.ts'
import { CUTS } from '../network.ts'

export const networkCut: Fault = {
  name: 'network-cut',
  about:
    'Nothing arrives any more between one replica and the databases: its cable is pulled, or the network beyond it is silent; then it works again',
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
