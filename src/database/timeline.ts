import { keptFile } from '../slot/kept-file.ts'
import type { Log } from '../telemetry/logs.ts'

/** The highest timeline of a cluster that this machine has written to. */
export type Followed = { system: string; timeline: number }

function isFollowed(content: unknown): content is Followed {
  const { system, timeline, ...others } = content as Partial<Followed>
  const isTimeline = Number.isInteger(timeline) && timeline! >= 1
  return typeof system === 'string' && /^\d{1,20}$/.test(system) && isTimeline && Object.keys(others).length === 0
}

/** The file `path`, which all processes with the same DATA_DIR share. */
export function followedFile(path: string, log: Pick<Log, 'error'>) {
  const file = keptFile({
    path,
    is: 'primary',
    format: 1,
    accepts: isFollowed,
    earlier: (format, content) => (format === 0 ? content : undefined), // the same without a header
  })
  return {
    path,
    read: () => file.take(log),
    /** Returns whether it could be written: a full disk must not keep anyone from the database. */
    async keep(followed: Followed): Promise<boolean> {
      const kept = file.take(log)
      if (kept?.system === followed.system && kept.timeline >= followed.timeline) return true // another process is further
      return file.write(followed).then(
        () => true,
        () => false,
      )
    },
  }
}
