// The built-in database: PGlite in a worker thread, with its files in DATA_DIR, reached through a Unix socket there.
import { rmSync } from 'node:fs'
import postgres from 'postgres'
import type { Log } from '../telemetry/logs.ts'
import { openFolder } from './embedded-folder.ts'
import { keepHouse } from './embedded-housekeeping.ts'
import { ownEmbedded, placeOf } from './embedded-place.ts'
import { supervise } from './embedded-supervisor.ts'

export type Embedded = {
  socketFolder: string
  /** Resolves when it has started or failed for the first time. */
  begun: Promise<void>
  /** Why it does not run, in words; undefined while it runs or starts. */
  trouble: () => string | undefined
  stop: () => Promise<void>
}

/**
 * Starts the embedded database of `dataDir` and keeps it running: a worker that died, or whose statement takes more than 10 s, is replaced (its data
 * survive, as after kill -9). Throws DataDirInUse if another process has it, and, without `initEmpty`, DatabaseMissing if there was one and it is
 * missing. If it does not start it throws too. With `keepTrying`, it resolves before the database has started, and retries.
 */
export async function startEmbedded(
  dataDir: string,
  log: Log,
  { initEmpty = false, keepTrying = false } = {},
): Promise<Embedded> {
  const place = placeOf(dataDir)
  const unlock = await ownEmbedded(dataDir)
  try {
    const aside = await openFolder(place, initEmpty)
    const said = 'what was left of the previous database was set aside, and an empty one was created'
    if (aside && keepTrying) log.warn({ folder: aside }, said)
    else if (aside) console.error(`${said}: ${aside}`) // a script may read the command's standard output
    const supervised = await supervise(place, log, keepTrying)
    const stopHousekeeping = keepHouse(() => connectTo(place.socketFolder), log, supervised)
    return {
      socketFolder: place.socketFolder,
      begun: supervised.begun,
      trouble: supervised.trouble,
      async stop() {
        await stopHousekeeping()
        await supervised.stop()
        rmSync(place.socket, { force: true })
        unlock()
      },
    }
  } catch (error) {
    unlock()
    throw error
  }
}

const connectTo = (socketFolder: string) =>
  postgres({ host: socketFolder, database: 'postgres', username: 'postgres', max: 1, fetch_types: false, onnotice: () => {} })
