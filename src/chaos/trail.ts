// Writes into the audit log what was armed and how it ended, when the database can be reached again where it cannot.
import { type Database, DatabaseAway } from '../database/guard.ts'
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
        if (error instanceof DatabaseAway) {
          await Bun.sleep(AGAIN_AFTER)
          continue
        }
        log.error({ err: error }, 'a fault could not be written to the audit log')
      }
      waiting.shift()
      entry.written()
    }
    writing = false
  }

  return {
    /** Resolves when it is written, or after half a second: a fault waits for its entry, but not for a database that is away. */
    note(type: 'chaos_armed' | 'chaos_ended', details: Record<string, unknown>): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>()
      if (waiting.push({ type, details, at: new Date(), written: resolve }) > MAX_WAITING) waiting.shift()!.written()
      void write()
      return Promise.race([promise, Bun.sleep(WRITTEN_WITHIN)])
    },
    /** Tries once more to write what is left. */
    async stop() {
      stopped = true
      if (waiting.length > 0) await Promise.race([write(), Bun.sleep(WRITTEN_WITHIN)])
    },
  }
}
