// Stores the history of alerts of one slot, for its next start and for other replicas on this DATA_DIR.
import { join } from 'node:path'
import { Type } from '@sinclair/typebox'
import { Nullable } from '../../base/schema.ts'
import { exactly } from '../../slot/exactly.ts'
import { keptFile } from '../../slot/kept-file.ts'
import type { Log } from '../../telemetry/logs.ts'
import { alertOf } from './index.ts'
import type { Fired } from './watch.ts'

const Past = Type.Object({
  name: Type.String(),
  from: Type.String(),
  to: Nullable(Type.String()),
  peak: Type.Number(),
  test: Type.Boolean(),
})
/** `replica`: its host and port at that time. */
const Kept = Type.Object({ replica: Type.String(), history: Type.Array(Past, { maxItems: 1_000 }) })

const fileIn = (folder: string) =>
  keptFile({ path: join(folder, 'alerts.json'), is: 'alerts', format: 1, accepts: exactly(Kept) })

const isKnown = (fired: { name: string }): fired is Fired => alertOf(fired.name) !== undefined

/** `livedUntil`: when the previous process was last known to run, in ms since 1970. Alerts that fired then ended with it. */
export function openAlertFile(folder: string, log: Pick<Log, 'error' | 'warn'>, livedUntil: number | undefined) {
  const file = fileIn(folder)
  let writing = Promise.resolve()
  let failed = false
  return {
    /** The alerts before this start, oldest first. */
    before: (file.take(log)?.history ?? []).filter(isKnown).map((fired): Fired => {
      const end = new Date(Math.max(Date.parse(fired.from), livedUntil ?? 0)).toISOString()
      return { ...fired, to: fired.to ?? end }
    }),
    /** Rewrites the file; writes are serialised. Never throws: a failure is logged once. */
    write(replica: string, history: Fired[]): Promise<void> {
      writing = writing
        .then(() => file.write({ replica, history }))
        .then(
          () => {
            failed = false
          },
          (error) => {
            if (!failed) log.warn({ file: file.path, err: error }, 'cannot write the history of alerts')
            failed = true
          },
        )
      return writing
    },
    settled: () => writing,
  }
}

/** The alerts of another slot, with the host and port of its replica; empty if there is no readable file. */
export function alertsIn(folder: string): (Fired & { replica: string })[] {
  const found = fileIn(folder).read()
  if (!('content' in found)) return []
  const { replica, history } = found.content
  return history.filter(isKnown).map((fired) => ({ ...fired, to: fired.to ?? fired.from, replica }))
}
