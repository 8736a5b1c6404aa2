import { type Fault, grown } from '../fault.ts'

export const halfOpen: Fault = {
  name: 'half-open',
  about: 'The network drops every open connection to the database: both ends keep it open, but nothing arrives; new ones work',
  signs: {
    metric: grown(/^waypost_database_(renewals_total|failures_total\{reason="late"\})$/),
    log: /replacing the connections to the database/,
    console: /Connections to the database stopped responding and were replaced|The database has been (unreachable|slow) since/,
  },
  cutsOff: true,
  atLeast: 10,
  async begin({ members }) {
    const notice = members.map((member) => member.forget())
    return { end: async () => notice.forEach((one) => one()) }
  },
}
