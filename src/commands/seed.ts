import { resolve } from 'node:path'
import type { Config } from '../config.ts'
import { openDatabase } from '../database/connect.ts'
import { migrate } from '../database/migrate.ts'
import { Problem } from '../http/problem.ts'
import { demoFiles } from '../import/demo.ts'
import { importFiles, importFolder } from '../import/folder.ts'
import { admittedLinks } from '../import/links.ts'
import { admission } from '../links/admission.ts'
import { createLog, createLogRing } from '../telemetry/logs.ts'

/** Imports a folder's files, or the demo data, also while a server runs; what is there already is not imported again. */
export async function seed(config: Config, folder: string | undefined, demo: boolean) {
  if (demo === (folder !== undefined)) throw new Error('name either a folder with users.csv, urls.csv and events.csv, or --demo')
  const log = createLog('warn', createLogRing())
  const database = await openDatabase(config, log, { join: true })
  try {
    await migrate(database, log)
    const started = performance.now()
    const { users, links, events } = demo
      ? await importFiles(database, demoFiles(), bar)
      : await importFolder(database, resolve(folder!), bar, admittedLinks(admission(config, () => false).refusal)) // a blocked host is 410 anyway
    clear()
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    console.log(`imported ${users} users, ${links} links, ${events} events from ${demo ? 'the demo' : folder} in ${seconds} s`)
  } catch (error) {
    clear()
    if (!(error instanceof Problem)) throw error
    const { details = [] } = error
    for (const line of details.length > 1 ? details.map(({ field, message }) => `${field}: ${message}`) : [error.message])
      console.error(`waypost: ${line}`)
    process.exitCode = 1
  } finally {
    await database.close()
  }
}

const WIDTH = 40
const CLEAR = '\r\x1b[K'

/** A progress bar, on a terminal only. */
function bar(done: number, total: number) {
  if (!process.stderr.isTTY) return
  const filled = Math.round((done / total) * WIDTH)
  const state = done < total ? `${Math.round((done / total) * 100)} %` : 'making them visible'
  process.stderr.write(
    `${CLEAR}${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${done.toLocaleString('en')} of ${total.toLocaleString('en')} rows, ${state}`,
  )
}

function clear() {
  if (process.stderr.isTTY) process.stderr.write(CLEAR)
}
