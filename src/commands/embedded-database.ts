import type { Config } from '../config/config.ts'
import { startEmbedded } from '../database/embedded.ts'
import { openChannel } from '../processes/channel.ts'
import { lockSlot, slotFolders } from '../slot/slots.ts'
import { createLog, createLogRing, flushLog } from '../telemetry/logs.ts'

const FLUSH_WITHIN = 500
/** ms that replicas whose supervisor is dead may take to store their clicks. */
const REPLICAS_WITHIN = 12_000
const LOOK_EVERY = 200

/** Serves the embedded database for the replicas of one supervisor, until that says so, or is dead and the replicas have ended. */
export async function embeddedDatabase(config: Config) {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => {}) // meant for all: the replicas store their clicks first
  const log = createLog(config.LOG_LEVEL, createLogRing(), undefined, () => ({ process: 'the embedded database' }))
  let end = (): unknown => process.exit(0)
  const send = openChannel(
    (message) => 'end' in message && end(),
    async () => {
      const deadline = performance.now() + REPLICAS_WITHIN
      while (isServed(config.DATA_DIR) && performance.now() < deadline) await Bun.sleep(LOOK_EVERY)
      end()
    },
  )
  const database = await startEmbedded(config.DATA_DIR, log, { initEmpty: config.initEmpty, keepTrying: true })
  let ending: Promise<void> | undefined
  end = () => (ending ??= database.stop().finally(() => flushLog(FLUSH_WITHIN).finally(() => process.exit(0))))
  send({ ready: true })
}

/** Whether a replica runs: it locks its slot. */
function isServed(dataDir: string): boolean {
  return slotFolders(dataDir).some((folder) => {
    const slot = lockSlot(folder)
    slot?.release()
    return !slot
  })
}
