import type { Fault } from '../fault.ts'

export const failover: Fault = {
  name: 'failover',
  about: 'kill -9 of the primary; its synchronous standby is promoted, and stays the primary',
  signs: { metric: /^waypost_database_up 0/, log: /the database is not reachable/ },
  cutsOff: true,
  async begin({ pair }, { client }) {
    await pair.addStandby()
    await Bun.sleep(1_000) // writes that the standby confirms
    client.mayLag(Date.now())
    return { end: () => pair.failOver() }
  },
}
