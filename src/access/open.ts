import type { OnStop } from '../base/on-stop.ts'
import type { Config } from '../config/config.ts'
import type { OpenDatabase } from '../database/open.ts'
import type { Peers } from '../http/client-address.ts'
import { createCors } from '../http/cors.ts'
import { isKeyedIn } from '../slot/keyed.ts'
import { slotFolders } from '../slot/slots.ts'
import type { Log } from '../telemetry/logs.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { createAuth } from './auth.ts'
import { openKeyring } from './keys/keyring.ts'
import { createLimits } from './limits/limits.ts'
import { openPolicy } from './policy/policy.ts'
import { createSessions } from './sessions/session.ts'

type Parts = {
  config: Config
  database: OpenDatabase
  /** The slot's folder, which keeps the policy for a start without the database. */
  folder: string
  metrics: Metrics
  peers: Peers
  log: Log
  onStop: OnStop
}

/** Opens everything that decides who may do what, and how often. */
export async function openAccess({ config, database, folder, metrics, peers, log, onStop }: Parts) {
  const keyedBefore = slotFolders(config.DATA_DIR).some(isKeyedIn)
  const policy = await openPolicy({ database, folder, keyedBefore, log })
  const keyring = openKeyring(database, policy, log)
  const sessions = createSessions(config, policy)
  const requiresKeys = () => auth.mode() === 'token' || auth.mode() === 'off'
  const cors = createCors(config.CORS_ORIGINS, requiresKeys)
  const auth = createAuth({ config, policy, keyring, sessions, cors })
  const keyed = () => auth.mode() === 'token'
  const limits = createLimits({ config, log, metrics, peers, keyed, bearerOf: auth.bearerOf })
  onStop('stop following the policy', async () => {
    limits.close()
    await keyring.stop()
    await policy.stop()
  })
  return { policy, keyring, sessions, cors, auth, limits }
}
