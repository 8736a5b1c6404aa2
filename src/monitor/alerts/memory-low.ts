import type { Alert } from './alert.ts'

const LIMIT = 90

export const memoryLow = {
  name: 'memory_low',
  limit: LIMIT,
  unit: '% of the available memory',
  when: `over ${LIMIT} % of the available memory is used`,
  help: 'Almost out of memory. At the limit, the system kills this replica.',
  read({ memory }) {
    const { used, limit, tight } = memory.figures()
    return { value: (100 * used) / limit, fires: tight }
  },
} as const satisfies Alert
