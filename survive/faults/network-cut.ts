import { DATABASE_AWAY, type Fault } from '../fault.ts'

export const networkCut: Fault = {
  name: 'network-cut',
  about:
    'Between one replica and the database nothing arrives any more, and neither hears of it; later all that was sent arrives',
  signs: {
    metric: /^waypost_database_up 0/,
    log: /the database is not reachable/,
    alert: /^service_down firing/,
    console: DATABASE_AWAY,
  },
  cutsOff: true,
  atLeast: 10,
  async begin({ members }, { random }) {
    const { wire } = random.of(members)
    wire.database.cut()
    wire.standby.cut()
    return {
      async end() {
        wire.database.heal()
        wire.standby.heal()
      },
    }
  },
}
