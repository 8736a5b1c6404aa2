import type { Config } from '../config/config.ts'
import { migrate, migrationStatus } from '../database/migrate.ts'
import { openDatabase } from '../database/open.ts'
import { createLog, createLogRing } from '../telemetry/logs.ts'

/** Migrates the schema, or only lists the migrations. */
export async function migrateCommand(config: Config, onlyStatus: boolean) {
  const log = createLog('warn', createLogRing())
  const database = await openDatabase(config, log, { join: true })
  try {
    if (!onlyStatus) {
      const applied = await migrate(database, log)
      console.log(applied.length === 0 ? 'nothing to do' : `applied ${applied.join(', ')}`)
    }
    for (const { version, name, applied_at } of await migrationStatus(database))
      console.log(`${String(version).padStart(3)}  ${name.padEnd(30)} ${applied_at ?? 'waiting'}`)
  } finally {
    await database.close()
  }
  process.exit(0)
}
