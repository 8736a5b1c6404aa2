import { DATABASE_AWAY, type Fault } from '../fault.ts'
import { ownConnection } from '../fleet.ts'

const SEGMENTS = 40

export const postgresDiskFull: Fault = {
  name: 'postgres-disk-full',
  about: 'The disk of PostgreSQL fills up until it panics because it cannot create a WAL segment; then there is room again',
  signs: {
    metric: /^waypost_database_up 0/,
    log: /the database is not reachable/,
    alert: /^service_down firing/,
    console: DATABASE_AWAY,
  },
  cutsOff: true,
  lacks: ({ databaseDisks }) => (databaseDisks.length > 0 ? undefined : 'a small disk cannot be mounted here: that takes root'),
  async begin({ pair, databaseDisks }) {
    const sql = ownConnection(pair.url(), 1)
    await Promise.all(databaseDisks.map((disk) => disk.fill()))
    try {
      for (let i = 0; i < SEGMENTS; i++)
        await sql.begin(async (one) => {
          await one`select pg_logical_emit_message(true, 'survive', repeat('x', 1000000))`
          await one`select pg_switch_wal()`
        })
    } catch {
      // as wanted
    }
    void sql.end({ timeout: 0 })
    return {
      async end() {
        for (const disk of databaseDisks) disk.empty()
        await pair.start()
      },
    }
  },
}
