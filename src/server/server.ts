// Starts the server: parts, port, schema.

import { assertNotOpenToPages } from '../access/auth.ts'
import { waitAtMost } from '../base/time-limit.ts'
import { type Config, ConfigError } from '../config/config.ts'
import { assertSeeds } from '../import/folder.ts'
import { createLifecycle } from '../monitor/lifecycle.ts'
import type { Log, LogRing } from '../telemetry/logs.ts'
import { createApp } from './app.ts'
import { openContext } from './context.ts'
import { listen } from './port.ts'

const FIRST_COPY_WITHIN = 3_000 // ms

export type Server = Awaited<ReturnType<typeof startServer>>

/**
 * Starts a server; resolves when it is ready, degraded if the database is unreachable. `exit` is called at the end of a drain.
 * `visitorsWait`: ms that a redirect waits for the database, VISITORS_WAIT by default. Throws ConfigError for settings that cannot work,
 * SchemaTooNew, DatabaseUnfit, DataDirInUse.
 */
export async function startServer(
  config: Config,
  log: Log,
  logRing: LogRing,
  exit: (code: number) => void,
  visitorsWait?: number,
) {
  assertPortFree(config)
  if (config.SEED_DIR) assertSeeds(config.SEED_DIR)
  const lifecycle = createLifecycle(log, exit)
  try {
    const context = await openContext({ config, log, logRing, lifecycle, visitorsWait })
    const app = createApp(context)
    await context.clicks.opened
    const port = listen(context, app.fetch) // links redirect from the edge copy before the rest is loaded, and before the database has started
    await app.load() // /health answers, /ready says "starting"
    void context.advertise(port)
    lifecycle.onDrain('wait for the balancer', () => Bun.sleep(config.DRAIN_WAIT * 1000))

    await context.preparation.start()
    assertNotOpenToPages(config, context.auth.mode())
    await waitAtMost(context.changes.poll(), FIRST_COPY_WITHIN) // small copies are complete before the first visitor
    context.notifications.start()
    lifecycle.ready()
    return { ...context, port }
  } catch (error) {
    await lifecycle.abandon()
    throw error
  }
}

function assertPortFree({ HOST, PORT }: Config) {
  try {
    Bun.listen({ hostname: HOST, port: PORT, socket: { data() {} } }).stop(true)
  } catch {
    throw new ConfigError(
      `cannot open port ${PORT} on ${HOST}: it is in use or not permitted; stop what listens there, or set PORT`,
    )
  }
}
