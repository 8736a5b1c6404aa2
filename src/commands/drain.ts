import { existsSync } from 'node:fs'
import { type DeadJournal, drainFolder, newState, removeJournal } from '../clicks/drain.ts'
import type { Config } from '../config.ts'
import { openDatabase } from '../database/connect.ts'
import type { Database } from '../database/guard.ts'
import { lockSlot, slotFolders } from '../slots.ts'
import { createLog, createLogRing, type Log } from '../telemetry/logs.ts'

/** Stores the click journals that a replica left behind: of a DATA_DIR, or of one slot's folder. Its files are deleted when they are stored. */
export async function drain(config: Config, folder: string) {
  if (!existsSync(folder)) throw new Error(`there is no folder ${folder}`)
  const folders = slotFolders(folder).length > 0 ? slotFolders(folder) : [folder]
  const log = createLog('warn', createLogRing())
  const database = await openDatabase(config, log, { join: true })
  const state = newState()
  let busy = 0
  try {
    for (const one of folders)
      if (!(await storeLeftClicks(database, one, log, state))) {
        busy++
        console.error(`${one} is in use by a running replica, which stores its clicks itself`)
      }
  } finally {
    await database.close()
  }
  console.log(
    `stored ${state.adopted} clicks; ${state.leftOut} were of purged links, ${state.rejected} were refused by the database`,
  )
  process.exit(busy > 0 && busy === folders.length ? 1 : 0)
}

/** Stores what is left in one slot's folder; false where its replica runs. */
export async function storeLeftClicks(database: Database, folder: string, log: Log, state = newState()): Promise<boolean> {
  const slot = lockSlot(folder)
  if (!slot) return false
  const dead = new Map<string, DeadJournal>()
  await drainFolder(database, folder, { state, report: (level, fields, message) => log[level](fields, message), dead })
  for (const journal of dead.values()) removeJournal(journal)
  slot.release()
  return true
}
