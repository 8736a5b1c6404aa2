import type { OnStop } from '../base/on-stop.ts'
import type { Config } from '../config/config.ts'
import type { Log } from '../telemetry/logs.ts'
import { blocklist, type PolicyHosts } from './blocklist.ts'
import { openBlocklistFile } from './file.ts'

type Parts = { config: Config; policy: PolicyHosts; log: Log; onStop: OnStop }

/** Opens the blocklist: the hosts of the policy and of BLOCKLIST_FILE. Throws ConfigError if the file cannot be read. */
export async function openBlocklist({ config, policy, log, onStop }: Parts) {
  const file = config.BLOCKLIST_FILE ? await openBlocklistFile(config.BLOCKLIST_FILE, log) : undefined
  if (file) onStop('stop reading the blocklist file', file.stop)
  return blocklist(policy, file)
}
