import type { Alert } from './alert.ts'

export const journalSkipped = {
  name: 'journal_skipped',
  limit: 0,
  unit: 'journal files that cannot be read completely',
  when: 'part of a journal file cannot be read',
  help: 'Click journal files are damaged or from another release. They are kept; their readable clicks are stored.',
  logLine: 'journal files cannot be read completely: they are kept, because they may contain clicks',
  read: ({ clicks }) => clicks.figures().unread,
} as const satisfies Alert
