// The progress of a drain, and its reports.

export type DrainState = {
  /** The last sequence of the live journal that is stored. */
  watermark: number
  stored: number
  leftOut: number
  rejected: number
  adopted: number
  /** ms since 1970: when a batch was last stored, and the time of the oldest click in flight. */
  lastFlush: number
  oldest: number | undefined
  /** The last attempt failed, so nothing is stored soon. */
  failing: boolean
  /** Number of journal files that have unreadable parts, and are kept. */
  unread: number
}

export type Report = (level: 'info' | 'warn' | 'error', fields: Record<string, unknown>, message: string) => void

export const newState = (): DrainState => ({
  watermark: 0,
  stored: 0,
  leftOut: 0,
  rejected: 0,
  adopted: 0,
  lastFlush: Date.now(),
  oldest: undefined,
  failing: false,
  unread: 0,
})

const reported = new Set<string>()

/** Reports an error once in the life of this process. */
export function reportOnce(report: Report, fields: Record<string, unknown>, message: string) {
  const key = JSON.stringify([message, fields])
  if (reported.has(key)) return
  reported.add(key)
  report('error', fields, message)
}
