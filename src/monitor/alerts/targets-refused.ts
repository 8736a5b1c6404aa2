import type { Alert } from './alert.ts'

export const targetsRefused = {
  name: 'targets_refused',
  limit: 0,
  unit: 'links without a web address found in 5 minutes',
  when: 'links without a web address were found in the last 5 minutes',
  help: 'Targets of links in the database are not http or https addresses, so these links get 404. The log names them.',
  read: ({ resolver }, grown) => grown(5, { refused: resolver.figures().refused }).refused,
} as const satisfies Alert
