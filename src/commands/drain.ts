import { assertFolder } from '../base/file-error.ts'
import { type DeadJournal, drainFolder, type Left, removeJournal } from '../clicks/dead-journals.ts'
import { newState, type Report } from '../clicks/drain-state.ts'
import { batchPortion } from '../clicks/journal-drain.ts'
import type { Config } from '../config/config.ts'
import { DatabaseUnreachable } from '../database/database-unreachable.ts'
import type { Database } from '../database/guard.ts'
import { openDatabase } from '../database/open.ts'
import { lockSlot, slotFolders } from '../slot/slots.ts'
import { createLog, createLogRing, type Log } from '../telemetry/logs.ts'

const NOTICED_WITHIN = 1_000
const BACK_WITHIN = 60_000
const MAX_TRIES = 20 // from the largest batch down to one click

/** Stores the click journals that a replica left in a DATA_DIR, or in one slot's folder. Deletes each file once it is stored. */
export async function drain(config: Config, folder: string) {
  assertFolder(folder)
  const folders = slotFolders(folder).length > 0 ? slotFolders(folder) : [folder]
  const log = createLog('warn', createLogRing())
  const database = await openDatabase(config, log, { join: true })
  const state = newState()
  let busy = 0
  let remaining = 0
  try {
    for (const one of folders) {
      const found = await storeLeftClicks(database, one, log, state)
      if (!found) {
        busy++
        console.error(`${one} is in use by a running replica, which stores its clicks itself`)
        continue
      }
      remaining += found.unread.length + found.failed
      for (const file of new Set(found.unread)) console.error(`${file} is partly unreadable, and was kept`)
    }
  } finally {
    await database.close()
  }
  console.log(`stored ${state.adopted} clicks; skipped ${state.leftOut} of purged links; the database refused ${state.rejected}`)
  process.exit(remaining > 0 || (busy > 0 && busy === folders.length) ? 1 : 0)
}

/**
 * Stores what is left in one slot's folder, and deletes what was stored. Returns what could not be read or stored, which is kept;
 * undefined if its replica is running.
 */
export async function storeLeftClicks(
  database: Database,
  folder: string,
  log: Log,
  state = newState(),
): Promise<Left | undefined> {
  const slot = lockSlot(folder)
  if (!slot) return undefined
  try {
    const dead = new Map<string, DeadJournal>()
    const remaining = await drainPatiently(database, folder, dead, log, state)
    for (const journal of dead.values()) removeJournal(journal)
    return remaining
  } finally {
    slot.release()
  }
}

/** A batch that is too large makes the embedded database restart: retries the rest in smaller batches when it is back. */
async function drainPatiently(
  database: Database,
  folder: string,
  dead: Map<string, DeadJournal>,
  log: Log,
  state: ReturnType<typeof newState>,
): Promise<Left> {
  const portion = batchPortion()
  const first = portion.size()
  const report: Report = (level, fields, message) => log[level](fields, message)
  for (let tries = 1; ; tries++)
    try {
      return await drainFolder(database, folder, { state, report, dead, portion })
    } catch (error) {
      const wasThere = portion.size() !== first
      if (!(error instanceof DatabaseUnreachable) || !wasThere || tries === MAX_TRIES) throw error
      await Bun.sleep(NOTICED_WITHIN)
      if (!(await isBack(database))) throw error
    }
}

const isBack = (database: Database) =>
  new Promise<boolean>((done) => {
    database.onUp(() => done(true))
    setTimeout(() => done(false), BACK_WITHIN)
  })
