import { type Config, ConfigError } from '../config/config.ts'
import { limits } from '../telemetry/machine.ts'

/** The number of processes that PROCESSES means here. Throws ConfigError if this system supports only one. */
export function processesIn({ PROCESSES }: Pick<Config, 'PROCESSES'>, platform: string = process.platform): number {
  if (PROCESSES === 'auto') return platform === 'linux' ? Math.max(1, Math.floor(limits().cores)) : 1
  if (PROCESSES > 1 && platform !== 'linux')
    throw new ConfigError(`PROCESSES ${PROCESSES} works only on Linux, where several processes can share a port: set it to 1`)
  return PROCESSES
}
