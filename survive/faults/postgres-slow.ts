import type { Fault } from '../fault.ts'

export const postgresSlow: Fault = {
  name: 'postgres-slow',
  about: 'Every message to and from PostgreSQL takes 100 to 250 ms longer',
  signs: { metric: /^waypost_changes_lag_seconds 0\.[5-9]|^waypost_changes_lag_seconds [1-9]/ },
  cutsOff: true, // the feed comes later
  async begin({ members }, { random, note }) {
    const ms = random.whole(100, 250)
    note(`${ms} ms`)
    for (const { wire } of members) wire.database.slow(ms)
    for (const { wire } of members) wire.standby.slow(ms)
    return {
      async end() {
        for (const { wire } of members) wire.database.heal()
        for (const { wire } of members) wire.standby.heal()
      },
    }
  },
}
