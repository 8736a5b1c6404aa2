import { type Fault, grown } from '../fault.ts'

export const notifyLost: Fault = {
  name: 'notify-lost',
  about: 'No announcement of PostgreSQL reaches a replica: it has only its poll every 400 ms',
  signs: {
    metric: grown(/^waypost_changes_found_total\{by="poll"\}$/, 3),
    log: /announcements of changes do not arrive/,
  },
  atLeast: 7, // it is said when changes were found without a notice three times, a second apart at least
  async begin({ members }) {
    const lose = (lost: boolean) => {
      for (const { wire } of members) {
        wire.database.loseNotices(lost)
        wire.standby.loseNotices(lost)
      }
    }
    lose(true)
    return { end: async () => lose(false) }
  },
}
