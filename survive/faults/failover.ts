import { type Fault, grown } from '../fault.ts'

export const failover: Fault = {
  name: 'failover',
  about: 'kill -9 of the primary; its synchronous standby is promoted, and stays the primary',
  signs: {
    metric: grown(/^waypost_database_moves_total$/),
    log: /another server is the primary now/,
    alert: /^database_moved firing/,
    console: /The database has been (unreachable|slow) since|Another database server became the primary/,
  },
  cutsOff: true,
  async begin({ pair }, { client }) {
    await pair.addStandby()
    await Bun.sleep(1_000) // writes that the standby confirms
    client.mayLag(Date.now())
    return { end: () => pair.failOver() }
  },
}
