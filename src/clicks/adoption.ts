// Adopts what earlier processes left: in this slot, and in slots whose replica is gone.
import { DatabaseUnreachable } from '../database/database-unreachable.ts'
import type { Database } from '../database/guard.ts'
import { isSchemaMissing } from '../database/sql-state.ts'
import { lockSlot, slotFolders } from '../slot/slots.ts'
import { messageForLog } from '../telemetry/log-error.ts'
import { type DeadJournal, drainFolder, removeJournal } from './dead-journals.ts'
import type { DrainState, Report } from './drain-state.ts'
import { batchPortion } from './journal-drain.ts'

type Parts = {
  database: Database
  slot: string
  dataDir: string
  /** The live journal of this process. */
  journalId: string
  /** ms that drained journals are kept. */
  keep: number
  state: DrainState
  /** Drained journals, by id. */
  dead: Map<string, DeadJournal>
  report: Report
  /** Called when `state` changed. */
  changed: () => void
  /** True while this process stops: it then takes no further slot. */
  isStopping: () => boolean
}

export function adoption({ database, slot, dataDir, journalId, keep, state, dead, report, changed, isStopping }: Parts) {
  const portion = batchPortion()
  const unread = new Map<string, number>() // files, by folder

  /** Adopts one folder; a failure does not affect the others. */
  async function adoptFolder(folder: string, except?: string) {
    const before = state.adopted
    try {
      const left = await drainFolder(database, folder, { state, report, except, dead, portion })
      unread.set(folder, new Set(left.unread).size)
      for (const journal of dead.values())
        if (Date.now() - journal.drainedAt >= keep && removeJournal(journal)) dead.delete(journal.id)
    } catch (error) {
      // With the database unreachable or not prepared yet, the next round retries.
      if (!(error instanceof DatabaseUnreachable) && !isSchemaMissing(error))
        report('error', { folder, reason: messageForLog(error) }, 'journals could not be adopted')
    }
    if (state.adopted > before) changed()
  }

  return {
    /** Number of files that could not be read. */
    unread: () => [...unread.values()].reduce((sum, files) => sum + files, 0),
    async adopt() {
      await adoptFolder(slot, journalId)
      for (const folder of slotFolders(dataDir)) {
        if (folder === slot || isStopping()) continue
        const taken = lockSlot(folder)
        if (taken) await adoptFolder(folder).finally(taken.release)
        else unread.delete(folder) // its replica counts them
      }
    },
  }
}
