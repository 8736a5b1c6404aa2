// Writes armed and ended faults to the audit log; while the database is unreachable, waits and retries.
import { waitAtMost } from '../base/time-limit.ts'
import { DatabaseUnreachable } from '../database/database-unreachable.ts'
import type { Database } from '../database/guard.ts'
import type { Log } from '../telemetry/logs.ts'
import { writeEvent } from './store.ts'

export type Trail = ReturnType<typeof auditTrail>

const MAX_WAITING = 1_000
const AGAIN_AFTER = 250
const WRITTEN_WITHIN = 500

type Entry = { type: string; details: Record<string, unknown>; at: Date; written: () => void }

export function auditTrail(database: Database, log: Log) {
  const waiting: Entry[] = []
  let writing = false
  let stopped = false

  async function write() {
    if (writing) return
    writing = true
    for (let entry = waiting[0]; entry; entry = waiting[0]) {
      try {
        await writeEvent(database, entry.type, entry.details, entry.at)
      } catch (error) {
        if (stopped) break
        if (error instanceof DatabaseUnreachable) {
          await Bun.sleep(AGAIN_AFTER)
          continue
        }
        log.error({ err: error }, 'cannot write a fault to the audit log')
      }
      waiting.shift()
      entry.written()
    }
    writing = false
  }

  return {
    /** Resolves when the entry is written, or after half a second: a fault does not wait for an unreachable database. */
    async note(type: 'chaos_armed' | 'chaos_ended', details: Record<string, unknown>): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>()
      if (waiting.push({ type, details, at: new Date(), written: resolve }) > MAX_WAITING) waiting.shift()!.written()
      void write()
      await waitAtMost(promise, WRITTEN_WITHIN)
    },
    /** Tries once more to write the remaining entries. */
    async stop() {
      stopped = true
      if (waiting.length > 0) await waitAtMost(write(), WRITTEN_WITHIN)
    },
  }
}
