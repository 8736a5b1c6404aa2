import type { Alert } from './alert.ts'

const LIMIT = 80

export const descriptorsLow = {
  name: 'descriptors_low',
  limit: LIMIT,
  unit: '% of the available file descriptors',
  when: `over ${LIMIT} % of the available descriptors are open`,
  help: 'Almost out of file descriptors. At the limit, new connections fail.',
  read({ descriptors }) {
    const { share, low } = descriptors.figures()
    return { value: 100 * share, fires: low }
  },
} as const satisfies Alert
