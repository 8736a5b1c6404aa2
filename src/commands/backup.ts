import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Config, isExternal } from '../config.ts'
import { A_DAY, backupLines, type Counts } from '../database/backup.ts'
import { writeBackup } from '../database/backup-file.ts'
import { type OpenDatabase, openDatabase } from '../database/connect.ts'
import { CLUSTER } from '../database/embedded.ts'
import { copyEmbedded } from '../database/embedded-copy.ts'
import { slotFolders } from '../slots.ts'
import { createLog, createLogRing, type Log } from '../telemetry/logs.ts'
import { storeLeftClicks } from './drain.ts'

/** Writes a backup of the database that the settings name. Says on standard error what is in it. */
export async function backup(config: Config, file: string) {
  const started = performance.now()
  const log = createLog('fatal', createLogRing())
  const { database, close } = await openForReading(config, log)
  const counts: Counts = {}
  try {
    await database.transaction((sql) => writeBackup(file, backupLines(sql, database.address.kind, counts)), A_DAY)
  } finally {
    await close()
  }
  const { users = 0, urls = 0, events = 0 } = counts
  const size = file === '-' ? '' : `, ${Math.ceil(Bun.file(file).size / 1000).toLocaleString('en')} kB`
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.error(`backed up ${users} users, ${urls} links, ${events} events in ${seconds} s${size}`)
}

/** The database; or, where a server has the embedded one, a copy that can be read at leisure. */
async function openForReading(config: Config, log: Log): Promise<{ database: OpenDatabase; close: () => Promise<void> }> {
  if (!isExternal(config) && !existsSync(join(config.DATA_DIR, CLUSTER)))
    throw new Error(`there is no database in ${config.DATA_DIR}: name one by DATA_DIR, or by DATABASE_URL`)
  const database = await openDatabase(config, log, { join: true })
  try {
    if (!database.joined) {
      for (const folder of slotFolders(config.DATA_DIR)) await storeLeftClicks(database, folder, log)
      return { database, close: database.close }
    }
    const copy = await copyEmbedded(database, config.DATA_DIR)
    await database.close()
    const opened = await openDatabase({ ...config, DATA_DIR: copy.dataDir }, log).catch((error) => {
      copy.remove()
      throw error
    })
    return { database: opened, close: () => opened.close().finally(copy.remove) }
  } catch (error) {
    await database.close()
    throw error
  }
}
