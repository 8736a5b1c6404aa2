import { resolve } from 'node:path'
import { Problem } from '../base/problem.ts'
import type { Config } from '../config/config.ts'
import { migrate } from '../database/migrate.ts'
import { openDatabase } from '../database/open.ts'
import { inMemory } from '../import/csv-file.ts'
import { demoFiles } from '../import/demo.ts'
import { importFiles, importFolder } from '../import/folder.ts'
import { admission } from '../links/admission.ts'
import { createLog, createLogRing } from '../telemetry/logs.ts'

/** Imports the files of a folder, or the demo data, also while a server runs. Skips rows that exist already. */
export async function seed(config: Config, folder: string | undefined, demo: boolean) {
  if (demo === (folder !== undefined)) throw new Error('give either a folder with users.csv, urls.csv and events.csv, or --demo')
  const log = createLog('warn', createLogRing())
  const database = await openDatabase(config, log, { join: true })
  try {
    await migrate(database, log)
    const started = performance.now()
    let indexed: Promise<void> | undefined
    const options = {
      progress: bar,
      indexing(built: Promise<void>) {
        indexed = built
      },
    }
    const imported = demo
      ? await importFiles(database, demoData(), options)
      : await importFolder(database, resolve(folder!), { ...options, refusal: admission(config, () => false).refusal }) // links to blocked hosts get 410 anyway
    clear()
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    const counts = Object.entries(imported).map(([name, count]) => `${count} ${name}`)
    console.log(`imported ${counts.join(', ')} from ${demo ? 'the demo' : folder} in ${seconds} s`)
    if (!indexed) return
    console.log('building the indexes for searches and lists')
    await indexed
    console.log(`built them after ${((performance.now() - started) / 1000).toFixed(1)} s`)
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

const demoData = () => Object.fromEntries(Object.entries(demoFiles()).map(([name, bytes]) => [name, inMemory(bytes)]))

const WIDTH = 40
const CLEAR = '\r\x1b[K'

/** A progress bar, on a terminal only. */
function bar(share: number, rows: number) {
  if (!process.stderr.isTTY) return
  const filled = Math.round(share * WIDTH)
  const state = share < 1 ? `${Math.round(share * 100)} %` : 'committing'
  process.stderr.write(`${CLEAR}${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${rows.toLocaleString('en')} rows, ${state}`)
}

function clear() {
  if (process.stderr.isTTY) process.stderr.write(CLEAR)
}
