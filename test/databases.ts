// The two kinds of database that everything is tried on.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../src/config/config.ts'
import { migrate } from '../src/database/migrate.ts'
import { type OpenDatabase, openDatabase } from '../src/database/open.ts'
import { createLog, createLogRing } from '../src/telemetry/logs.ts'
import { runCommand } from './child.ts'
import { serverBinaries, sharedCluster } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { copyTemplate, template } from './template.ts'

export type DatabaseKind = {
  name: 'embedded' | 'external'
  /** The settings of a fresh database without a row: the external one has no table yet. */
  settings: () => Promise<Record<string, string>>
  /** Opens a fresh database with the schema in it. */
  open: () => Promise<OpenDatabase>
}

const external = Boolean(process.env.TEST_DATABASE_URL || serverBinaries())
if (!external) console.warn('SKIPPED: everything on an external PostgreSQL (not installed, and TEST_DATABASE_URL is not set)')

const started = await embeddedTemplate() // here, where it takes no test's time

/** Embedded always, and a real PostgreSQL where there is one. */
export const databases: DatabaseKind[] = [
  kind('embedded', async () => {
    const DATA_DIR = temporaryFolder()
    copyTemplate(started, DATA_DIR)
    return { DATA_DIR }
  }),
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

/** For tests to which the kind does not matter: the external one where there is one, because it starts three times as fast. */
export const anyDatabase = databases.at(-1)!

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

/** A DATA_DIR as the first start leaves it: the embedded cluster, with the schema in it. What a first start does itself, executable.test.ts tries. */
function embeddedTemplate() {
  const root = join(import.meta.dir, '..')
  const from = [
    'node_modules/@electric-sql/pglite/package.json',
    'src/database/embedded-cluster.ts',
    'src/database/embedded-ready.ts',
    'src/database/migrate.ts',
  ]
  const sql = readdirSync(join(root, 'sql')).map((file) => `sql/${file}`)
  return template(
    'embedded',
    [...from, ...sql].map((file) => readFileSync(join(root, file), 'utf8')),
    async (folder) => {
      const room = temporaryFolder() // a checkout's path may be too long for a socket
      const { code, err } = await runCommand(['migrate'], { DATA_DIR: room })
      if (code !== 0) throw new Error(`migrate: ${err}`)
      copyTemplate(room, folder)
    },
  )
}
