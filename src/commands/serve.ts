import { assertNotOpenToNetwork } from '../access/auth.ts'
import { type Config, ConfigError } from '../config/config.ts'
import { processesIn } from '../processes/count.ts'

/** Serves with the settings from `read`, in this process or, with PROCESSES, in several; `args` are the command's. */
export async function serve(read: () => Config, args: string[]) {
  const config = read()
  assertNotOpenToNetwork(config)
  const count = processesIn(config)
  if (count === 1) return (await import('./replica.ts')).replica(config, read)
  if (config.AUTH !== 'off' && !config.ADMIN_TOKEN)
    throw new ConfigError(
      `PROCESSES ${config.PROCESSES} needs ADMIN_TOKEN (or ADMIN_TOKEN_FILE): without a token, only a single process may serve`,
    )
  await (await import('./supervise.ts')).supervise(config, read, count, args)
}
