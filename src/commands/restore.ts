import { type Config, isExternal } from '../config/config.ts'
import { A_DAY, assertRestorable, type Counts, headerOf, restoreRows, summary } from '../database/backup.ts'
import { type Header, type Part, readBackup } from '../database/backup-file.ts'
import { replacementFor } from '../database/embedded-exchange.ts'
import { hasEmbedded } from '../database/embedded-folder.ts'
import { ownEmbedded } from '../database/embedded-place.ts'
import { StartFailed } from '../database/embedded-supervisor.ts'
import { migrate } from '../database/migrate.ts'
import { openDatabase } from '../database/open.ts'
import { withoutIndexes } from '../database/without-indexes.ts'
import { TABLES } from '../server/resources.ts'
import { createLog, createLogRing, type Log } from '../telemetry/logs.ts'

/** Restores a backup into the configured database: all of it, or nothing. */
export async function restore(config: Config, file: string, replace: boolean) {
  const started = performance.now()
  const log = createLog('fatal', createLogRing())
  const parts = readBackup(file)
  const header = headerOf((await parts.next()).value, file)
  const into = isExternal(config) ? restoreOutside : restoreEmbedded
  const counts = await into(config, { header, parts, replace, log })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`restored ${summary(counts)} of ${header.made_at} in ${seconds} s`)
}

type Parts = { header: Header; parts: AsyncGenerator<Part>; replace: boolean; log: Log }

/** Uses one transaction: until it commits, readers see the old data, which also stays if the file turns out to be damaged. */
async function restoreOutside(config: Config, { header, parts, replace, log }: Parts): Promise<Counts> {
  const database = await openDatabase(config, log)
  try {
    await assertRestorable(database, TABLES, replace, header.schema)
    await migrate(database, log, header.schema)
    const counts = await database.transaction(
      (sql) => withoutIndexes(sql, TABLES, () => restoreRows(TABLES, header, parts, (step) => step(sql), true)),
      A_DAY,
    )
    await migrate(database, log)
    await database.run((sql) => sql`analyze`.simple(), A_DAY)
    return counts
  } finally {
    await database.close()
  }
}

/**
 * Restores into a new cluster, which finally replaces the existing one. Uses many transactions: a single one would keep its whole
 * write-ahead log.
 */
async function restoreEmbedded(config: Config, { header, parts, replace, log }: Parts): Promise<Counts> {
  const existing = await inspect(config, replace, log)
  const leave = await ownEmbedded(config.DATA_DIR)
  const replacement = replacementFor(
    config.DATA_DIR,
    existing.empty && (existing.schema === 0 || existing.schema === header.schema),
  )
  try {
    const database = await openDatabase({ ...config, DATA_DIR: replacement.dataDir }, log)
    let counts: Counts
    try {
      await migrate(database, log, header.schema)
      counts = await restoreRows(TABLES, header, parts, (step) => database.transaction(step, A_DAY), false)
      await migrate(database, log)
      await database.run((sql) => sql`analyze`.simple(), A_DAY)
    } finally {
      await database.close()
    }
    const aside = replacement.replace(existing.readable)
    if (aside) console.error(`the previous database could not be read, and was set aside in ${aside}`)
    return counts
  } finally {
    replacement.remove()
    leave()
  }
}

/** Inspects the database that the backup would replace. Throws if that is not allowed. With `replace`, even a damaged one is set aside. */
async function inspect(
  config: Config,
  replace: boolean,
  log: Log,
): Promise<{ readable: boolean; empty: boolean; schema?: number }> {
  const nothing = { readable: false, empty: false }
  if (!hasEmbedded(config.DATA_DIR)) return nothing
  try {
    const existing = await openDatabase(config, log)
    const schema = await assertRestorable(existing, TABLES, replace).finally(existing.close)
    return { readable: true, empty: schema !== undefined, schema }
  } catch (error) {
    if (!(error instanceof StartFailed)) throw error
    if (!replace) throw new Error(`${error.message}; to replace it by the backup and set it aside, use restore --replace`)
    return nothing
  }
}
