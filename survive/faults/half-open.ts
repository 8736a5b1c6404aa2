import type { Fault } from '../fault.ts'

export const halfOpen: Fault = {
  name: 'half-open',
  about:
    'Every open connection to the database is forgotten on its way: both ends hold it open, and nothing arrives; new ones work',
  signs: { metric: /^waypost_database_failures_total\{reason="late"\} [1-9]/ },
  cutsOff: true,
  atLeast: 10,
  async begin({ members }) {
    const notice = members.map((member) => member.forget())
    return { end: async () => notice.forEach((one) => one()) }
  },
}
