import { assertNotOpenToNetwork } from '../access/auth.ts'
import { type Config, changedSettings } from '../config/config.ts'
import { nameOf } from '../fleet/name.ts'
import { watchForCompany } from '../fleet/single-instance.ts'
import { openChannel } from '../processes/channel.ts'
import { steeringOf } from '../processes/steering.ts'
import { type Sharing, startServer } from '../server/server.ts'
import { createLog, createLogRing, flushLog, type Log, type LogRing, setLogLevel } from '../telemetry/logs.ts'

/** ms to write the last lines of the log, after everything else has stopped. */
const FLUSH_WITHIN = 500
/** ms in which the connections that are being opened to this replica arrive, once new ones go to others. */
const ARRIVE_WITHIN = 500
/** ms for clients to end their connections to a replica that was replaced. Idle ones are closed after 30 s. */
const CLIENTS_WITHIN = 35_000
/** ms for its whole drain: nobody waits for it. */
const LEAVE_WITHIN = 60_000
const LOOK_EVERY = 100

/** Serves until SIGTERM or SIGINT, then drains and exits 0. Reads the settings again on SIGHUP. */
export async function replica(config: Config, read: () => Config) {
  const ring = createLogRing()
  await run(config, read, createLog(config.LOG_LEVEL, ring), ring)
}

/** Serves as one of several processes below a supervisor, which says when to open the shared port and when to leave. */
export async function replicaOfSeveral(read: () => Config) {
  const config = read()
  assertNotOpenToNetwork(config)
  let name = `process ${process.pid}`
  const ring = createLogRing()
  const log = createLog(config.LOG_LEVEL, ring, undefined, () => ({ replica_name: name }))
  const turn = Promise.withResolvers<void>()
  let drain = (_reason: string, _ms?: number): void => process.exit(0)
  let replaced = false
  let steering: ReturnType<typeof steeringOf>

  const send = openChannel(
    (message) => {
      if ('open' in message) turn.resolve()
      else if ('avoid' in message) steer((to) => to.avoid(message.avoid))
      else if ('spread' in message) steer((to) => to.spread())
      else if ('leave' in message) {
        replaced = true
        drain('another replica has replaced this one', LEAVE_WITHIN)
      }
    },
    () => drain('the supervisor is dead'),
  )

  function steer(how: (steering: NonNullable<ReturnType<typeof steeringOf>>) => boolean) {
    steering ??= steeringOf(config.PORT)
    if (!steering || !how(steering)) log.warn('this system cannot steer new connections: a reload may reset some of them')
  }

  /** Every answer closes its connection by now. Closing an idle one could cross a request on its way. */
  async function clientsEnd() {
    const deadline = performance.now() + CLIENTS_WITHIN
    await Bun.sleep(ARRIVE_WITHIN)
    steering ??= steeringOf(config.PORT)
    while (steering && steering.connections() > 0 && performance.now() < deadline) await Bun.sleep(LOOK_EVERY)
  }

  process.on('SIGINT', () => {}) // a terminal sends it to every process: the supervisor decides
  const { lifecycle } = await run(config, read, log, ring, {
    turn() {
      send({ ready: true })
      return turn.promise
    },
    opened(self) {
      name = nameOf(self)
      send({ opened: { url: self.url, slot: self.slot } })
    },
    rest: () => (replaced ? clientsEnd() : Bun.sleep(config.DRAIN_WAIT * 1000)),
    closed: () => send({ closed: true }),
  })
  drain = (reason, ms) => void lifecycle.drain(0, reason, ms)
}

async function run(config: Config, read: () => Config, log: Log, ring: LogRing, sharing?: Sharing) {
  let stop: (signal: string) => void = () => process.exit(0)
  for (const signal of sharing ? ['SIGTERM'] : ['SIGTERM', 'SIGINT']) process.on(signal, () => stop(signal))
  process.on('SIGHUP', () => reload(config, read, log)) // BLOCKLIST_FILE is reloaded too

  // postgres.js can throw outside any promise when its socket closes during a write, and rejects an internal promise when a new
  // connection closes while it queries the array types: the server continues, and logs it.
  for (const event of ['uncaughtException', 'unhandledRejection'])
    process.on(event, (error) => log.error({ err: error }, 'unhandled error'))

  const server = await startServer(config, log, ring, (code) => void flushLog(FLUSH_WITHIN).finally(() => process.exit(code)), {
    sharing,
  })
  const { port, lifecycle, database, auth, members } = server
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
  return server
}

/** Applies a changed LOG_LEVEL, and logs which other settings changed: those take effect at the next start. */
function reload(config: Config, read: () => Config, log: Log) {
  try {
    const now = read()
    setLogLevel(log, now.LOG_LEVEL)
    const waiting = changedSettings(config, now).filter((name) => name !== 'LOG_LEVEL')
    const others = waiting.length > 0 ? { from_the_next_start: waiting } : {}
    log.info({ log_level: now.LOG_LEVEL, ...others }, 'read the settings again')
  } catch (error) {
    log.error({ reason: (error as Error).message }, 'cannot read the settings again: the previous ones stay in force')
  }
}
