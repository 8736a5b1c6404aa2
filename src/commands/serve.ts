import { assertNotOpenToNetwork } from '../access/auth.ts'
import type { Config } from '../config/config.ts'
import { type Name, settings } from '../config/settings.ts'
import { watchForCompany } from '../fleet/single-instance.ts'
import { startServer } from '../server/server.ts'
import { createLog, createLogRing, flushLog, type Log, setLogLevel } from '../telemetry/logs.ts'

/** ms to write the last lines of the log, after everything else has stopped. */
const FLUSH_WITHIN = 500

/** Serves with the settings from `read` until SIGTERM or SIGINT, then drains and exits 0. Reads the settings again on SIGHUP. */
export async function serve(read: () => Config) {
  const config = read()
  assertNotOpenToNetwork(config)
  const ring = createLogRing()
  const log = createLog(config.LOG_LEVEL, ring)
  let stop: (signal: string) => void = () => process.exit(0)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(signal))
  process.on('SIGHUP', () => reload(config, read, log)) // BLOCKLIST_FILE is reloaded too

  // postgres.js can throw outside any promise when its socket closes during a write, and rejects an internal promise when a new
  // connection closes while it queries the array types: the server continues, and logs it.
  for (const event of ['uncaughtException', 'unhandledRejection'])
    process.on(event, (error) => log.error({ err: error }, 'unhandled error'))

  const { port, lifecycle, database, auth, members } = await startServer(
    config,
    log,
    ring,
    (code) => void flushLog(FLUSH_WITHIN).finally(() => process.exit(code)),
  )
  stop = (signal) => void lifecycle.drain(0, signal)

  const base = config.PUBLIC_URL ?? `http://${config.HOST.includes(':') ? `[${config.HOST}]` : config.HOST}:${port}`
  log.info(
    { database: database.address.kind },
    `Waypost is ready: API ${base}/urls, docs ${base}/swagger, console ${base}/console`,
  )
  if (auth.mode() === 'open')
    log.info('open mode: anyone on this machine may do everything; to end it, set ADMIN_TOKEN or create an API key')
  watchForCompany(
    () => auth.mode() === 'open',
    members.list,
    ({ hostname, url }) => {
      log.fatal(
        { hostname, url },
        'open mode works with a single replica only, but another one serves this database: set ADMIN_TOKEN for both',
      )
      void lifecycle.drain(1, 'not alone in open mode')
    },
  )
  if (auth.mode() === 'off') log.warn('AUTH=off: anyone who reaches the port may do everything')
}

/** Applies a changed LOG_LEVEL, and logs which other settings changed: those take effect at the next start. */
function reload(config: Config, read: () => Config, log: Log) {
  try {
    const now = read()
    setLogLevel(log, now.LOG_LEVEL)
    const others = (Object.keys(settings) as Name[]).filter(
      (name) => name !== 'LOG_LEVEL' && String(now[name]) !== String(config[name]),
    )
    const waiting = others.length > 0 ? { from_the_next_start: others } : {}
    log.info({ log_level: now.LOG_LEVEL, ...waiting }, 'read the settings again')
  } catch (error) {
    log.error({ reason: (error as Error).message }, 'cannot read the settings again: the previous ones stay in force')
  }
}
