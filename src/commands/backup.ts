import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { assertFolder, causeOf } from '../base/file-error.ts'
import { type Config, isExternal } from '../config/config.ts'
import { A_DAY, backupParts, type Counts, summary } from '../database/backup.ts'
import { writeBackup } from '../database/backup-file.ts'
import { copyEmbedded } from '../database/embedded-copy.ts'
import { CLUSTER } from '../database/embedded-files.ts'
import { type OpenDatabase, openDatabase } from '../database/open.ts'
import { TABLES } from '../server/resources.ts'
import { slotFolders } from '../slot/slots.ts'
import { createLog, createLogRing, type Log } from '../telemetry/logs.ts'
import { storeLeftClicks } from './drain.ts'

/** Writes a backup of the configured database; prints its contents to standard error. */
export async function backup(config: Config, file: string) {
  const started = performance.now()
  if (file !== '-') assertCanWrite(file)
  const log = createLog('fatal', createLogRing())
  const { database, close } = await openForReading(config, log)
  const counts: Counts = {}
  try {
    await database.transaction((sql) => writeBackup(file, backupParts(sql, TABLES, database.address.kind, counts)), A_DAY)
  } finally {
    await close()
  }
  const size = file === '-' ? '' : `, ${Math.ceil(Bun.file(file).size / 1000).toLocaleString('en')} kB`
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.error(`backed up ${summary(counts)} in ${seconds} s${size}`)
}

/** Reports problems with the file before the database is read. */
function assertCanWrite(file: string) {
  const folder = dirname(resolve(file))
  assertFolder(folder)
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory())
    throw new Error(`cannot write the backup to ${file}: it is a folder`)
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new Error(`cannot write the backup into ${folder}: ${causeOf(error)}`)
  }
}

/** The database. If a running server uses the embedded one: a copy of it, so that a long read does not block the server. */
async function openForReading(config: Config, log: Log): Promise<{ database: OpenDatabase; close: () => Promise<void> }> {
  if (!isExternal(config) && !existsSync(join(config.DATA_DIR, CLUSTER)))
    throw new Error(`there is no database in ${config.DATA_DIR}: set DATA_DIR or DATABASE_URL`)
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
