// Opens the database that the settings name.
import { type Config, isExternal } from '../config/config.ts'
import type { Log } from '../telemetry/logs.ts'
import { type DatabaseAddress, externalAddress } from './address.ts'
import { startEmbedded } from './embedded.ts'
import { DataDirInUse, placeOf, runningEmbedded } from './embedded-place.ts'
import { openPool, type Pool } from './pool.ts'

/**
 * `joined`: another process serves it, and this one is its client. `alone`: no other replica uses it. `begun` resolves when an embedded database has
 * started or failed for the first time.
 */
export type OpenDatabase = Pool & { address: DatabaseAddress; begun: Promise<void>; joined?: boolean; alone: boolean }

/**
 * Opens the database that the settings name, external or embedded. With `join`, a command uses the socket of a server that runs on the same DATA_DIR;
 * with `only join`, nothing else: another process serves it, or will. With `keepTrying`, it resolves while an embedded database starts, and one that
 * does not start counts as unreachable. `close` of the result also stops the embedded
 * database.
 */
export async function openDatabase(
  config: Config,
  log: Log,
  { join = false, keepTrying = false }: { join?: boolean | 'only join'; keepTrying?: boolean } = {},
): Promise<OpenDatabase> {
  if (isExternal(config)) {
    const address = externalAddress(config)
    if (address.ignored.length > 0)
      log.info({ parameters: address.ignored }, 'parameters of DATABASE_URL are ignored: they have no effect here')
    return { ...openPool(address, config.DATABASE_POOL, log), address, begun: Promise.resolve(), alone: false }
  }
  const { initEmpty } = config
  const served = (socketFolder: string) => ({
    socketFolder,
    begun: Promise.resolve(),
    trouble: () => undefined,
    stop: async () => {},
    joined: true,
  })
  const embedded =
    join === 'only join'
      ? served(placeOf(config.DATA_DIR).socketFolder)
      : await startEmbedded(config.DATA_DIR, log, { initEmpty, keepTrying }).catch((error) => {
          const socketFolder = join && error instanceof DataDirInUse ? runningEmbedded(config.DATA_DIR) : undefined
          if (!socketFolder) throw error
          return served(socketFolder)
        })
  const joined = 'joined' in embedded
  const address: DatabaseAddress = { kind: 'embedded', socketFolder: embedded.socketFolder }
  const database = openPool(address, 5, log, embedded)
  return {
    ...database,
    address,
    joined,
    alone: !joined,
    begun: embedded.begun,
    async close() {
      await database.close()
      await embedded.stop()
    },
  }
}
