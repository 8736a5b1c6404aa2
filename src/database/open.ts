// Opens the database that the settings name.
import { type Config, isExternal } from '../config/config.ts'
import type { Log } from '../telemetry/logs.ts'
import { type DatabaseAddress, externalAddress } from './address.ts'
import { startEmbedded } from './embedded.ts'
import { DataDirInUse, runningEmbedded } from './embedded-place.ts'
import { openPool, type Pool } from './pool.ts'

/** `joined`: another process serves it, and this one is its client. */
export type OpenDatabase = Pool & { address: DatabaseAddress; joined?: boolean }

/**
 * Opens the database that the settings name, external or embedded. With `join`, a command uses the socket of a server that runs on the same DATA_DIR.
 * With `keepTrying`, an embedded database that does not start counts as unreachable instead of throwing. `close` of the result also stops the embedded
 * database.
 */
export async function openDatabase(config: Config, log: Log, { join = false, keepTrying = false } = {}): Promise<OpenDatabase> {
  if (isExternal(config)) {
    const address = externalAddress(config)
    if (address.ignored.length > 0)
      log.info({ parameters: address.ignored }, 'parameters of DATABASE_URL are ignored: they have no effect here')
    return { ...openPool(address, config.DATABASE_POOL, log), address }
  }
  const { initEmpty } = config
  const embedded = await startEmbedded(config.DATA_DIR, log, { initEmpty, keepTrying }).catch((error) => {
    const socketFolder = join && error instanceof DataDirInUse ? runningEmbedded(config.DATA_DIR) : undefined
    if (!socketFolder) throw error
    return { socketFolder, trouble: () => undefined, stop: async () => {}, joined: true }
  })
  const address: DatabaseAddress = { kind: 'embedded', socketFolder: embedded.socketFolder }
  const database = openPool(address, 5, log, embedded.trouble)
  return {
    ...database,
    address,
    joined: 'joined' in embedded,
    async close() {
      await database.close()
      await embedded.stop()
    },
  }
}
