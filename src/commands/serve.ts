import type { Config } from '../config.ts'
import { watchForCompany } from '../fleet/alone.ts'
import { assertNotOpenToNetwork } from '../http/auth.ts'
import { startServer } from '../server.ts'
import { type Name, settings } from '../settings.ts'
import { createLog, createLogRing, flushLog, type Log, setLogLevel } from '../telemetry/logs.ts'

/** Serves what `read` says until SIGTERM or SIGINT, then drains and exits 0. At SIGHUP it reads again. */
export async function serve(read: () => Config) {
  const config = read()
  assertNotOpenToNetwork(config)
  const ring = createLogRing()
  const log = createLog(config.LOG_LEVEL, ring)
  let stop: (signal: string) => void = () => process.exit(0)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(signal))
  process.on('SIGHUP', () => readAgain(config, read, log)) // the blocklist's file does the same

  // postgres.js can throw outside any promise when its socket goes in the middle of a write, and rejects one that it keeps to itself when a new
  // connection goes while it asks for the array types: a server goes on, and says so.
  for (const event of ['uncaughtException', 'unhandledRejection'])
    process.on(event, (error) => log.error({ err: error }, 'an error that nobody waited for'))

  const { port, lifecycle, database, auth, members } = await startServer(config, log, ring, (code) => {
    flushLog(log)
    process.exit(code)
  })
  stop = (signal) => void lifecycle.drain(0, signal)

  const base = config.PUBLIC_URL ?? `http://${config.HOST.includes(':') ? `[${config.HOST}]` : config.HOST}:${port}`
  log.info(
    { database: database.address.kind },
    `Waypost is ready: API ${base}/urls, docs ${base}/swagger, console ${base}/console`,
  )
  if (auth.mode() === 'open')
    log.info('open mode: everybody on this machine may do everything; set ADMIN_TOKEN, or make an API key, to end it')
  watchForCompany(
    () => auth.mode() === 'open',
    members.list,
    ({ hostname, url }) => {
      log.fatal(
        { hostname, url },
        'open mode is for one replica alone, and another one serves this database: set ADMIN_TOKEN for both',
      )
      void lifecycle.drain(1, 'not alone in open mode')
    },
  )
  if (auth.mode() === 'off') log.warn('AUTH=off: everybody who reaches the port may do everything')
}

/** Takes the log's level as it is now; names what else was changed, which holds from the next start. */
function readAgain(config: Config, read: () => Config, log: Log) {
  try {
    const now = read()
    setLogLevel(log, now.LOG_LEVEL)
    const others = (Object.keys(settings) as Name[]).filter(
      (name) => name !== 'LOG_LEVEL' && String(now[name]) !== String(config[name]),
    )
    const waiting = others.length > 0 ? { from_the_next_start: others } : {}
    log.info({ log_level: now.LOG_LEVEL, ...waiting }, 'the settings were read again')
  } catch (error) {
    log.error({ reason: (error as Error).message }, 'the settings could not be read again: what they said still holds')
  }
}
