import { Type } from '@sinclair/typebox'
import { keptFile } from '../slot/kept-file.ts'
import type { Log } from '../telemetry/logs.ts'

/** The highest timeline of a cluster that this machine has written to. */
export type Followed = { system: string; timeline: number }

const Followed = Type.Object({ system: Type.String({ pattern: '^\\d{1,20}$' }), timeline: Type.Integer({ minimum: 1 }) })

/** The file `path`, which all processes with the same DATA_DIR share. */
export function followedFile(path: string, log: Pick<Log, 'error'>) {
  const file = keptFile({
    path,
    is: 'primary',
    format: 1,
    schema: Followed,
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
