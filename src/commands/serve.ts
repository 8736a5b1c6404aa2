import { createApp } from '../app.ts'
import { createChaos } from '../chaos/faults.ts'
import { createRecorder } from '../clicks/recorder.ts'
import { type Config, ConfigError } from '../config.ts'
import { openDatabase } from '../database/connect.ts'
import { startMaintenance } from '../database/maintenance.ts'
import { migrate, SchemaTooNew } from '../database/migrate.ts'
import { accessOf } from '../http/auth.ts'
import { seedIfEmpty } from '../import/folder.ts'
import { createLifecycle, type Lifecycle } from '../lifecycle.ts'
import { exposeRedirects, redirectFigures } from '../redirect/figures.ts'
import { createResolver } from '../redirect/resolver.ts'
import { createRedirect } from '../redirect/route.ts'
import { watchAlerts } from '../telemetry/alerts.ts'
import { exposeServer, summarize } from '../telemetry/exposition.ts'
import { health, readiness } from '../telemetry/health.ts'
import { createLog, createLogRing, flushLog, type Log } from '../telemetry/logs.ts'
import { createMetrics } from '../telemetry/metrics.ts'

const MAX_REQUEST_BYTES = 65 * 1024 * 1024 // imports have 64 MiB; other bodies are bounded where they are read

/** Serves until SIGTERM or SIGINT, then drains and exits 0. */
export async function serve(config: Config) {
  const access = accessOf(config)
  const ring = createLogRing()
  const log = createLog(config.LOG_LEVEL, ring)
  const lifecycle = createLifecycle(log, (code) => {
    flushLog(log)
    process.exit(code)
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void lifecycle.drain(0, signal))

  assertPortFree(config)
  const database = await openDatabase(config, log)
  const metrics = createMetrics()
  const figures = redirectFigures()
  const clicks = createRecorder(database, log)
  const resolver = createResolver(database)
  const redirect = createRedirect(resolver, clicks, config, figures)
  const chaos = createChaos(database, log, () => void lifecycle.drain(75, 'chaos: kill'))
  const alerts = watchAlerts(() => ({ ...metrics.requests(), database: database.state(), oldestClick: clicks.figures().oldest }))
  exposeRedirects(metrics, figures)
  exposeServer(metrics, { database, clicks, resolver, lifecycle })

  const fetch = await createApp({
    config,
    log,
    metrics,
    database,
    resolver,
    clicks,
    redirect,
    chaos,
    telemetry: {
      metrics,
      ring,
      alerts,
      health: () => health(lifecycle.started),
      ready: () => readiness(lifecycle.phase(), database.state(), clicks.figures().backlog),
      summary: () => summarize(metrics, figures, lifecycle.started),
    },
    draining: () => lifecycle.phase() === 'draining',
  })

  // The port opens before the database is ready: /health answers, /ready says "starting".
  const server = Bun.serve({
    port: config.PORT,
    hostname: config.HOST,
    reusePort: false,
    idleTimeout: 30,
    maxRequestBodySize: MAX_REQUEST_BYTES,
    development: false,
    fetch(request, server) {
      if (request.headers.get('accept') === 'text/event-stream') server.timeout(request, 0)
      return fetch(request)
    },
    error: (error) => {
      log.error({ err: error }, 'a request failed outside the pipeline')
      return Response.json({ error: 'something went wrong on our side' }, { status: 500 })
    },
  })

  lifecycle.onDrain('wait for the balancer', () => Bun.sleep(config.DRAIN_WAIT * 1000))
  lifecycle.onDrain('finish requests', async (ms) => {
    await Promise.race([server.stop(), Bun.sleep(Math.min(ms / 2, 4_000))])
    await server.stop(true)
  })
  lifecycle.onDrain('store clicks', (ms) => clicks.stop(ms / 2))
  lifecycle.onDrain('close the database', () => database.close())

  await prepareDatabase(config, database, log, lifecycle)
  lifecycle.ready()
  const stopMaintenance = startMaintenance(database, log)
  lifecycle.onDrain('stop maintenance', stopMaintenance)
  greet(server.port ?? config.PORT, config, access, database.kind, log)
}

function assertPortFree({ HOST, PORT }: Config) {
  try {
    Bun.listen({ hostname: HOST, port: PORT, socket: { data() {} } }).stop(true)
  } catch {
    throw new ConfigError(`port ${PORT} of ${HOST} is in use or may not be opened: stop what listens there, or set PORT`)
  }
}

/** Migrates and seeds. With the database away the server starts degraded, and this goes on when it is back. */
async function prepareDatabase(config: Config, database: Awaited<ReturnType<typeof openDatabase>>, log: Log, lifecycle: Lifecycle) {
  let done = false
  const prepare = async () => {
    const applied = await migrate(database, log)
    if (applied.length > 0) log.info({ applied }, 'the schema was brought up to date')
    if (config.SEED_DIR) await seedIfEmpty(database, config.SEED_DIR, log)
    done = true
  }
  const refuse = async (error: unknown) => {
    if (!(error instanceof SchemaTooNew)) throw error
    console.error(`waypost: ${error.message}`)
    await lifecycle.drain(1, 'schema too new')
  }
  const up = Promise.withResolvers<void>()
  database.onUp(() => {
    up.resolve()
    if (lifecycle.phase() === 'ready' && !done)
      prepare()
        .catch(refuse)
        .catch((error) => log.error({ err: error }, 'the schema could not be prepared'))
  })
  await Promise.race([up.promise, Bun.sleep(FIRST_ANSWER_WITHIN)])
  if (database.state() !== 'up') return void log.error('starting degraded: the database is away')
  await prepare().catch(refuse)
}

const FIRST_ANSWER_WITHIN = 4_000

function greet(port: number, config: Config, access: string, kind: string, log: Log) {
  const base = config.PUBLIC_URL ?? `http://${config.HOST.includes(':') ? `[${config.HOST}]` : config.HOST}:${port}`
  log.info({ base, access, database: kind }, `Waypost is ready: API ${base}/urls, docs ${base}/swagger, console ${base}/console`)
  if (access === 'open') log.info('open mode: everybody on this machine may do everything; set ADMIN_TOKEN to ask for a token')
  if (access === 'off') log.warn('AUTH=off: everybody who reaches the port may do everything')
}
