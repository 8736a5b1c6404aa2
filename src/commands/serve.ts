import type { Config } from '../config.ts'
import { accessOf } from '../http/auth.ts'
import { startServer } from '../server.ts'
import { createLog, createLogRing, flushLog } from '../telemetry/logs.ts'

/** Serves until SIGTERM or SIGINT, then drains and exits 0. */
export async function serve(config: Config) {
  const access = accessOf(config)
  const ring = createLogRing()
  const log = createLog(config.LOG_LEVEL, ring)
  let stop: (signal: string) => void = () => process.exit(0)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(signal))

  // postgres.js can throw outside any promise when its socket goes in the middle of a write: a server goes on, and says so.
  process.on('uncaughtException', (error) => log.error({ err: error }, 'an error that nobody waited for'))

  const { port, lifecycle, database } = await startServer(config, log, ring, (code) => {
    flushLog(log)
    process.exit(code)
  })
  stop = (signal) => void lifecycle.drain(0, signal)

  const base = config.PUBLIC_URL ?? `http://${config.HOST.includes(':') ? `[${config.HOST}]` : config.HOST}:${port}`
  log.info(
    { database: database.address.kind },
    `Waypost is ready: API ${base}/urls, docs ${base}/swagger, console ${base}/console`,
  )
  if (access === 'open') log.info('open mode: everybody on this machine may do everything; set ADMIN_TOKEN to ask for a token')
  if (access === 'off') log.warn('AUTH=off: everybody who reaches the port may do everything')
}
