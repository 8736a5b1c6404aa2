// Starts the server: parts, port, schema.
import { assertNotOpenToPages } from '../access/auth.ts'
import { waitAtMost } from '../base/time-limit.ts'
import type { Config } from '../config/config.ts'
import { addressOfOne } from '../fleet/address.ts'
import type { Replica } from '../fleet/schema.ts'
import { assertSeeds } from '../import/folder.ts'
import { createLifecycle } from '../monitor/lifecycle.ts'
import type { Log, LogRing } from '../telemetry/logs.ts'
import { createApp } from './app.ts'
import { openContext } from './context.ts'
import { freePort, listen } from './port.ts'

const FIRST_COPY_WITHIN = 3_000 // ms

export type Server = Awaited<ReturnType<typeof startServer>>

/** How a replica that shares its port with others agrees with them on when to open it. */
export type Sharing = {
  /** Resolves when this replica, which is ready, may open the shared port. */
  turn: () => Promise<void>
  opened: (replica: Replica) => void
  /** Resolves when the port may close at a drain. */
  rest: () => Promise<unknown>
  closed: () => void
}

type Options = {
  /** ms that a redirect waits for the database, VISITORS_WAIT by default. */
  visitorsWait?: number
  /** Set if this is one of several processes on one port. */
  sharing?: Sharing
}

/**
 * Starts a server; resolves when it is ready, degraded if the database is unreachable. `exit` is called at the end of a drain. Throws ConfigError
 * for settings that cannot work, SchemaTooNew, DatabaseUnfit, DataDirInUse.
 */
export async function startServer(
  config: Config,
  log: Log,
  logRing: LogRing,
  exit: (code: number) => void,
  { visitorsWait, sharing }: Options = {},
) {
  if (!sharing) freePort(config)
  if (config.SEED_DIR) assertSeeds(config.SEED_DIR)
  const lifecycle = createLifecycle(log, exit)
  try {
    const context = await openContext({ config, log, logRing, lifecycle, visitorsWait, served: sharing !== undefined })
    const app = createApp(context)
    await context.clicks.opened
    const own = sharing ? addressOfOne(config, context.members.self().slot) : config
    let port = listen(context, app.fetch, own) // links redirect from the edge copy before the rest is loaded, and before the database has started
    await app.load() // /health answers, /ready says "starting"
    const advertised = context.advertise(port, own)

    await context.preparation.start()
    assertNotOpenToPages(config, context.auth.mode())
    await waitAtMost(context.changes.poll(), FIRST_COPY_WITHIN) // small copies are complete before the first visitor
    context.notifications.start()
    lifecycle.ready()
    if (sharing) {
      await sharing.turn()
      port = listen(context, app.fetch, config, { shared: true, closed: sharing.closed })
      await advertised
      sharing.opened(context.members.self())
    }
    lifecycle.onDrain('wait for the balancer', () => {
      if (sharing) context.streams.endAll()
      return sharing ? sharing.rest() : Bun.sleep(config.DRAIN_WAIT * 1000)
    })
    return { ...context, port }
  } catch (error) {
    await lifecycle.abandon()
    throw error
  }
}
