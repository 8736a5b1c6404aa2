// The two kinds of database that everything is tried on.
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '../src/config.ts'
import { openDatabase } from '../src/database/connect.ts'
import type { Database } from '../src/database/guard.ts'
import { migrate } from '../src/database/migrate.ts'
import { createLog, createLogRing } from '../src/telemetry/logs.ts'
import { atEnd } from './at-end.ts'
import { serverBinaries, sharedCluster } from './postgres.ts'

export type DatabaseKind = {
  name: 'embedded' | 'external'
  /** The settings of a fresh, empty database. */
  settings: () => Promise<Record<string, string>>
  /** Opens a fresh database with the schema in it. */
  open: () => Promise<Database>
}

const external = Boolean(process.env.TEST_DATABASE_URL || serverBinaries())
if (!external) console.warn('SKIPPED: everything on an external PostgreSQL (not installed, and TEST_DATABASE_URL is not set)')

/** Embedded always, and a real PostgreSQL where there is one. */
export const databases: DatabaseKind[] = [
  kind('embedded', async () => ({ DATA_DIR: await copyOfTemplate() })),
  ...(external
    ? [
        kind('external', async () => ({
          DATA_DIR: temporaryFolder(),
          DATABASE_URL: await (await sharedCluster()).createDatabase(),
        })),
      ]
    : []),
]

/** A log that keeps quiet. */
export const quiet = () => {
  const ring = createLogRing()
  return { ring, log: createLog('fatal', ring, false) }
}

/** A folder that goes with the process. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'waypost-test-'))
  atEnd(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function kind(name: DatabaseKind['name'], settings: DatabaseKind['settings']): DatabaseKind {
  return {
    name,
    settings,
    async open() {
      const { log } = quiet()
      const database = await openDatabase(readConfig(await settings(), {}), log)
      await new Promise<void>((up) => database.onUp(up))
      await migrate(database, log)
      return database
    },
  }
}

// initdb takes five seconds: it is done once, and its result copied.
let template: string | undefined

async function copyOfTemplate(): Promise<string> {
  if (!template || !existsSync(template)) {
    const folder = temporaryFolder()
    const child = Bun.spawn([process.execPath, join(import.meta.dir, '../src/main.ts'), 'initdb', join(folder, 'pg18')], {
      stdout: 'ignore',
    })
    if ((await child.exited) !== 0) throw new Error('initdb failed')
    template = folder
  }
  const folder = temporaryFolder()
  cpSync(template, folder, { recursive: true })
  return folder
}
