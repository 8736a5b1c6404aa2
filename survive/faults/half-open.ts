import { type Fault, grown } from '../fault.ts'

export const halfOpen: Fault = {
  name: 'half-open',
  about:
    'Every open connection to the database is forgotten on its way: both ends hold it open, and nothing arrives; new ones work',
  signs: {
    metric: grown(/^waypost_database_(renewals_total|failures_total\{reason="late"\})$/),
    log: /the connections to the database are made anew/,
    console: /Connections to the database fell silent and were made anew|The database (has not answered since|did not answer at)/,
  },
  cutsOff: true,
  atLeast: 10,
  async begin({ members }) {
    const notice = members.map((member) => member.forget())
    return { end: async () => notice.forEach((one) => one()) }
  },
}
