import type { Alert } from './alert.ts'

export const diskSpace = {
  name: 'disk_space',
  limit: 0,
  unit: 'MiB short of DISK_FREE_MIN',
  when: 'less than DISK_FREE_MIN is free under DATA_DIR',
  help: 'The disk of DATA_DIR is filling up. When it is full, clicks are lost and the embedded database refuses changes.',
  read: ({ disk }) => disk.figures().short / 1024 ** 2,
} as const satisfies Alert
