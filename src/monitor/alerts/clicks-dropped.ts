import type { Alert } from './alert.ts'

export const clicksDropped = {
  name: 'clicks_dropped',
  limit: 0,
  unit: 'clicks lost in 2 minutes because the journal had no room',
  when: 'the journal had no room for a click in the last 2 minutes',
  help: 'Clicks are being lost. The disk is full, or JOURNAL_MAX_BYTES is reached.',
  read: ({ clicks }, grown) => grown(2, { dropped: clicks.figures().dropped }).dropped,
} as const satisfies Alert
