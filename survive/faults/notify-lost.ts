import type { Fault } from '../fault.ts'

export const notifyLost: Fault = {
  name: 'notify-lost',
  about: 'No notice of PostgreSQL reaches a replica: its poll every 400 ms must do',
  signs: {},
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
