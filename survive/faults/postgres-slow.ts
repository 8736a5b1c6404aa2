import type { Fault } from '../fault.ts'

export const postgresSlow: Fault = {
  name: 'postgres-slow',
  about: 'Every message to and from PostgreSQL takes 100 to 250 ms longer',
  signs: {
    metric: /^waypost_database_beat_seconds (0\.(1[5-9]|[2-9])|[1-9])/,
    log: /the database is slow/,
    alert: /^database_slow firing/,
    console: /Database slow, since|The database has been slow since/,
  },
  cutsOff: true, // the feed comes later
  atLeast: 10, // three signs of life that are late
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
