import { type Config, ConfigError, changedSettings, flagOf, isExternal } from '../config/config.ts'
import { answerReloads } from '../processes/control.ts'
import { createCrew } from '../processes/crew.ts'
import { Ended } from '../processes/process.ts'
import { freePort } from '../server/port.ts'
import { createLog, createLogRing, flushLog } from '../telemetry/logs.ts'

const FLUSH_WITHIN = 500
/** Settings that all replicas must share: they keep their values until the supervisor is restarted. */
const FIXED = ['HOST', 'PORT', 'DATA_DIR'] as const
const INIT_EMPTY = '--init-empty'

/**
 * Runs `count` replicas on one port until SIGTERM or SIGINT; then they drain, and it exits 0. Replaces them one by one on SIGHUP, and for
 * `waypost reload`. `args`: those of `serve`, which each replica gets.
 */
export async function supervise(config: Config, read: () => Config, count: number, args: string[]) {
  const log = createLog(config.LOG_LEVEL, createLogRing(), undefined, () => ({ process: 'supervisor' }))
  const where = { ...config, PORT: freePort(config) }
  assertOwnPorts(where, count)
  const given = args.slice(args[0] === 'serve' ? 1 : 0)
  const forProcess = (command: string) => (first: boolean) => [
    command,
    ...given.filter((one) => first || one !== INIT_EMPTY),
    ...FIXED.flatMap((name) => [flagOf(name), String(where[name])]),
  ]
  const crew = createCrew({
    count,
    replica: forProcess('replica'),
    database: isExternal(config) ? undefined : forProcess('embedded-database'),
    log,
  })
  const exit = (code: number) => void flushLog(FLUSH_WITHIN).finally(() => process.exit(code))

  let stopping = false
  let stopAnswering = () => {}
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, async () => {
      if (stopping) return
      stopping = true
      log.info({ reason: signal }, 'draining')
      stopAnswering()
      await crew.stop()
      log.info('stopped')
      exit(0)
    })

  const started = crew.start()
  let last: Promise<unknown> = started.catch(() => {})
  /** One at a time: settings may have changed since the one in progress began. */
  function reload(): Promise<number> {
    const done = last.then(async () => {
      const now = read()
      if (isExternal(now) !== isExternal(config))
        throw new ConfigError('another kind of database, external or embedded, needs a restart')
      const waiting = changedSettings(config, now).filter((name) => [...FIXED, 'PROCESSES'].includes(name))
      log.info(waiting.length > 0 ? { from_the_next_start: waiting } : {}, 'replacing the replicas one by one')
      return crew.reload()
    })
    last = done.catch((error: Error) => {
      log.error({ reason: error.message }, 'the reload stopped: replicas that were not replaced keep running as they were')
    })
    return done
  }
  process.on('SIGHUP', () => void reload().catch(() => {}))

  try {
    await started
  } catch (error) {
    if (stopping) return
    log.fatal({ reason: (error as Error).message }, 'the replicas do not start')
    return exit(error instanceof Ended ? error.code || 1 : 1)
  }
  log.info({ processes: count }, 'all replicas are ready')
  stopAnswering = answerReloads(where, reload, ({ message }) =>
    log.warn({ reason: message }, 'waypost reload does not work here: send SIGHUP instead'),
  )
}

/** Slots per replica: during a reload two run, and each may store what was left in another. */
const SLOTS_EACH = 3

/** Throws ConfigError if the ports that ADVERTISE_URL gives the slots include PORT. */
function assertOwnPorts({ ADVERTISE_URL, PORT }: Config, count: number) {
  if (!ADVERTISE_URL) return
  const { port, protocol } = new URL(ADVERTISE_URL)
  const first = Number(port || (protocol === 'https:' ? 443 : 80))
  const last = first + SLOTS_EACH * count - 1
  if (PORT < first || PORT > last) return
  throw new ConfigError(
    `ADVERTISE_URL must name another port than PORT ${PORT}: with ${count} processes, ports ${first} to ${last} belong to one replica each`,
  )
}
