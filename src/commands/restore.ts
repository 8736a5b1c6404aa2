import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Config, isExternal } from '../config.ts'
import { A_DAY, assertTakes, type Counts, headerOf, putBack } from '../database/backup.ts'
import { type Header, readBackup } from '../database/backup-file.ts'
import { openDatabase } from '../database/connect.ts'
import { CLUSTER, ownEmbedded } from '../database/embedded.ts'
import { besideEmbedded } from '../database/embedded-copy.ts'
import { migrate } from '../database/migrate.ts'
import { createLog, createLogRing, type Log } from '../telemetry/logs.ts'

/** Puts a backup into the database that the settings name: all of it, or nothing. */
export async function restore(config: Config, file: string, replace: boolean) {
  const started = performance.now()
  const log = createLog('fatal', createLogRing())
  const lines = readBackup(file)
  const header = headerOf((await lines.next()).value, file)
  const into = isExternal(config) ? restoreOutside : restoreEmbedded
  const { users = 0, urls = 0, events = 0 } = await into(config, { header, lines, replace, log })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`restored ${users} users, ${urls} links, ${events} events of ${header.made_at} in ${seconds} s`)
}

type Wish = { header: Header; lines: AsyncGenerator<string>; replace: boolean; log: Log }

/** One transaction: whoever looks meanwhile sees what was there, and a file that turns out to be damaged leaves it. */
async function restoreOutside(config: Config, { header, lines, replace, log }: Wish): Promise<Counts> {
  const database = await openDatabase(config, log)
  try {
    await assertTakes(database, replace, header.schema)
    await migrate(database, log, header.schema)
    const counts = await database.transaction((sql) => putBack(header, lines, (step) => step(sql)), A_DAY)
    await migrate(database, log)
    await database.run((sql) => sql`analyze`.simple(), A_DAY)
    return counts
  } finally {
    await database.close()
  }
}

/** Into a new cluster beside the one there, in many transactions, because one would keep all of its log; at the end it takes the other's place. */
async function restoreEmbedded(config: Config, { header, lines, replace, log }: Wish): Promise<Counts> {
  let emptyOne: number | undefined // its schema
  if (existsSync(join(config.DATA_DIR, CLUSTER, 'PG_VERSION'))) {
    const there = await openDatabase(config, log)
    emptyOne = await assertTakes(there, replace).finally(there.close)
  }
  const leave = ownEmbedded(config.DATA_DIR)
  const made = besideEmbedded(config.DATA_DIR, emptyOne === 0 || emptyOne === header.schema)
  try {
    const database = await openDatabase({ ...config, DATA_DIR: made.dataDir }, log)
    let counts: Counts
    try {
      await migrate(database, log, header.schema)
      counts = await putBack(header, lines, (step) => database.transaction(step, A_DAY))
      await migrate(database, log)
      await database.run((sql) => sql`analyze`.simple(), A_DAY)
    } finally {
      await database.close()
    }
    made.takePlace()
    return counts
  } finally {
    made.remove()
    leave()
  }
}
