// Assembles the server from its parts, and takes it apart again.
import { hostname } from 'node:os'
import { basename } from 'node:path'
import { createApp } from './app.ts'
import { blocklist } from './blocklist/blocklist.ts'
import { openBlocklistFile } from './blocklist/file.ts'
import { effectsOn } from './chaos/effects.ts'
import { exposeFaults } from './chaos/exposition.ts'
import { createChaos } from './chaos/faults.ts'
import { auditTrail } from './chaos/trail.ts'
import { startRecorder } from './clicks/recorder.ts'
import { type Config, ConfigError } from './config.ts'
import { openDatabase } from './database/connect.ts'
import { DatabaseAway } from './database/guard.ts'
import { startMaintenance } from './database/maintenance.ts'
import { migrate, SchemaTooNew } from './database/migrate.ts'
import { advertisedUrl } from './fleet/address.ts'
import { askFleet } from './fleet/ask.ts'
import { followClock } from './fleet/clock.ts'
import { followMembers } from './fleet/members.ts'
import type { Replica } from './fleet/schema.ts'
import { createSigner } from './fleet/signature.ts'
import { createAuth } from './http/auth.ts'
import type { Peers } from './http/client-address.ts'
import { createCors } from './http/cors.ts'
import { eventStreams } from './http/event-stream.ts'
import { createSessions } from './http/session.ts'
import { seedIfEmpty } from './import/folder.ts'
import { admittedLinks } from './import/links.ts'
import { openKeyring } from './keys/keyring.ts'
import { createLifecycle, type Lifecycle } from './lifecycle.ts'
import { createLimits } from './limits/limits.ts'
import { type Admission, admission } from './links/admission.ts'
import { openNotices } from './notices/notices.ts'
import { gatherer } from './overview/gather.ts'
import { nowOf } from './overview/now.ts'
import { startSampler } from './overview/sampler.ts'
import { overviewStream } from './overview/stream.ts'
import { openPolicy, type PolicyFeed } from './policy/policy.ts'
import { redirectFigures } from './redirect/figures.ts'
import { openResolver } from './redirect/open.ts'
import { createRedirect } from './redirect/route.ts'
import { takeSlot } from './slots.ts'
import { type Fired, watchAlerts } from './telemetry/alerts.ts'
import { lineOf } from './telemetry/conditions.ts'
import { watchDescriptors } from './telemetry/descriptors.ts'
import { watchDisk } from './telemetry/disk.ts'
import { exposeServer, summarize } from './telemetry/exposition.ts'
import { health, readiness } from './telemetry/health.ts'
import { fleetLogs } from './telemetry/log-fleet.ts'
import type { Log, LogRing } from './telemetry/logs.ts'
import { watchMemory } from './telemetry/machine.ts'
import { createMetrics } from './telemetry/metrics.ts'
import { version } from './version.ts'

const MAX_REQUEST_BYTES = 65 * 1024 * 1024 // imports have 64 MiB; other bodies are bounded where they are read
const IDLE_SECONDS = 30 // a live tail says something every 5
const FIRST_ANSWER_WITHIN = 4_000
const FIRST_COPY_WITHIN = 3_000

export type Server = Awaited<ReturnType<typeof startServer>>

/**
 * Starts a server; resolves when it is ready, degraded where the database is away. `exit` is called at the end of a drain.
 * Throws ConfigError for settings that cannot work, SchemaTooNew, DataDirInUse.
 */
export async function startServer(config: Config, log: Log, ring: LogRing, exit: (code: number) => void) {
  assertPortFree(config)
  const blocklistFile = config.BLOCKLIST_FILE ? await openBlocklistFile(config.BLOCKLIST_FILE, log) : undefined
  const lifecycle = createLifecycle(log, exit)
  const database = await openDatabase(config, log)
  const metrics = createMetrics()
  const figures = redirectFigures(metrics)
  const slot = takeSlot(config.DATA_DIR)
  const clicks = await startRecorder({
    slot,
    dataDir: config.DATA_DIR,
    address: database.address,
    keep: config.JOURNAL_KEEP * 1000,
    maxBytes: config.JOURNAL_MAX_BYTES,
    log,
  })
  const policy = await openPolicy({ database, folder: slot.folder, log })
  const keyring = openKeyring(database, policy, log)
  const sessions = createSessions(config, policy)
  const cors = createCors(config.CORS_ORIGINS)
  const auth = createAuth({ config, policy, keyring, sessions, cors })
  const blocked = blocklist(policy, blocklistFile)
  const admitted = admission(config, blocked.blocks)
  const {
    resolver,
    changes,
    edge,
    shared,
    stop: stopResolver,
  } = await openResolver(config, database, slot.folder, policy.seen, blocked, log)
  policy.attach(changes)
  const peers: Peers = { requestIP: (request) => http.requestIP(request) }
  const limits = createLimits({ config, log, metrics, peers, keyed: () => auth.mode() === 'token', bearerOf: auth.bearerOf })
  const redirect = createRedirect({ resolver, clicks, config, figures, limits, peers })
  const kill = () => void lifecycle.drain(75, 'chaos: kill')
  const chaos = createChaos({
    effects: effectsOn(database, clicks, resolver),
    trail: auditTrail(database, log),
    log,
    kill,
    read() {
      const { count, errors, seconds } = metrics.requests()
      const { recorded, stored, adopted, dropped } = clicks.figures()
      return { requests: count, errors, seconds, clicks: recorded, stored: stored + adopted, dropped }
    },
  })
  const disk = watchDisk(config.DATA_DIR, config.DISK_FREE_MIN, log)
  const memory = watchMemory(log)
  const descriptors = watchDescriptors(log)
  const clock = followClock(log)
  exposeFaults(metrics, chaos)

  const ready = () => readiness(lifecycle.phase(), database.state(), clicks.figures(), chaos.armed())
  const sampler = startSampler({ metrics, figures, clicks, database })
  let url: string | null = null // until the port is open
  const self = (): Replica => ({
    id: clicks.journalId,
    slot: Number(basename(slot.folder)),
    hostname: hostname(),
    url,
    version: version.number,
    started_at: new Date(lifecycle.started).toISOString(),
    seen_at: new Date().toISOString(),
    state: ready().status,
    rate: sampler.rate(),
    self: true,
  })
  const members = followMembers({ database, self, folder: slot.folder, clock, log })
  /** ms; 0 where there is none. */
  const valkeyAway = () => Math.max(shared?.figures().away ?? 0, limits.sharedAway())
  exposeServer(metrics, {
    database,
    clicks,
    resolver,
    changes,
    edge,
    shared,
    valkeyAway,
    clock,
    members,
    lifecycle,
    disk,
    descriptors,
  })

  let look = () => {} // until notices are there
  const alertChanged = ({ name, from, to, peak, test }: Fired) => {
    if (to) log.info({ alert: name, from, to, peak, test }, 'an alert is over')
    else log.warn({ alert: name, value: peak, test }, 'an alert fires')
    const line = to || test ? undefined : lineOf(name)
    if (line) log.warn({ value: peak }, line)
    look()
  }
  const alerts = watchAlerts(() => {
    const { oldest, dropped } = clicks.figures()
    const { used, limit, tight } = memory.figures()
    return {
      ...metrics.requests(),
      database: database.state(),
      databaseTakes: members.beatTook(),
      moves: database.figures().moves,
      oldestClick: oldest,
      droppedClicks: dropped,
      shortDisk: disk.figures().short,
      clockOffset: clock.lasting(),
      missedReplicas: members.missed(),
      valkeyAway: valkeyAway(),
      memory: { share: used / limit, low: tight },
      descriptors: descriptors.figures(),
      refusedUnknown: limits.refused().unknown,
      refusedTargets: resolver.figures().refused,
    }
  }, alertChanged)
  const now = nowOf({
    database,
    clicks,
    resolver,
    shared,
    clock,
    memory,
    descriptors,
    limits,
    members,
    lifecycle,
    chaos,
    alerts,
    sampler,
  })
  const signer = createSigner(config, () => policy.current().sessionSecret, clicks.journalId, clock)
  const fleet = askFleet({ members, signer, log })
  const notices = openNotices({ config, database, alerts, fleet, self, metrics, log })
  look = notices.look
  const streams = eventStreams()
  const gathering = gatherer({ ring: sampler.ring, now, members, fleet })
  const stream = overviewStream({ sampler, gathering, fleet, streams, log })

  const telemetry = {
    metrics,
    alerts,
    health: () => health(lifecycle.started, chaos.armed()),
    ready,
    summary: () => summarize(metrics, figures, lifecycle.started),
  }
  const logs = {
    ring,
    streams,
    logs: fleetLogs(ring, { self: clicks.journalId, all: fleet.all, one: fleet.one }),
    replicas: () => members.list().map(({ id }) => id),
  }
  const draining = () => lifecycle.phase() === 'draining'
  const fetch = await createApp({
    config,
    log,
    metrics,
    database,
    policy,
    auth,
    cors,
    sessions,
    keyring,
    admission: admitted,
    blocklist: blocked,
    resolver,
    clicks,
    redirect,
    limits,
    chaos,
    signer,
    overview: { ring: sampler.ring, now, members, fleet, gathering, stream },
    telemetry,
    notices,
    logs,
    peers,
    disk,
    draining,
  })

  // The port opens before the schema is ready: /health answers, /ready says "starting".
  const http = Bun.serve({
    port: config.PORT,
    hostname: config.HOST,
    reusePort: false, // else a second server would silently share the port
    idleTimeout: IDLE_SECONDS,
    maxRequestBodySize: MAX_REQUEST_BYTES,
    development: false,
    fetch,
    error(error) {
      log.error({ err: error }, 'a request failed outside the pipeline')
      return Response.json({ error: 'something went wrong on our side' }, { status: 500 })
    },
  })

  void advertisedUrl(config, http.port ?? config.PORT, database.address).then((found) => {
    url = found
    members.say()
  })

  lifecycle.onDrain('end the faults', () => chaos.stop())
  lifecycle.onDrain('wait for the balancer', () => Bun.sleep(config.DRAIN_WAIT * 1000))
  lifecycle.onDrain('finish requests', async (ms) => {
    streams.endAll()
    await Promise.race([http.stop(), Bun.sleep(Math.min(ms / 2, 4_000))])
    await http.stop(true)
  })
  lifecycle.onDrain('leave the fleet', () => members.stop())
  lifecycle.onDrain('store clicks', (ms) => clicks.stop(ms / 2))
  const stopMaintenance = startMaintenance(database, log, config)
  lifecycle.onDrain('stop the timers', () => {
    stopMaintenance()
    alerts.stop()
    disk.stop()
    memory.stop()
    descriptors.stop()
    stream.stop()
    sampler.stop()
    blocklistFile?.stop()
    limits.close()
  })
  lifecycle.onDrain('hand over notices', (ms) => notices.stop(ms / 4))
  lifecycle.onDrain('stop following changes', async () => {
    await stopResolver()
    await keyring.stop()
    await policy.stop()
  })
  lifecycle.onDrain('close the database', () => database.close())
  lifecycle.onDrain('leave the slot', () => slot.release())

  try {
    await prepareDatabase(config, database, policy, admitted, log, lifecycle)
  } catch (error) {
    blocklistFile?.stop()
    await http.stop(true)
    await clicks.stop(1_000)
    await stopResolver()
    await keyring.stop()
    await policy.stop()
    stream.stop()
    sampler.stop()
    await members.stop()
    limits.close()
    await database.close()
    slot.release()
    throw error
  }
  await Promise.race([changes.poll(), Bun.sleep(FIRST_COPY_WITHIN)]) // small copies are whole before the first visitor
  notices.start()
  lifecycle.ready()
  return { port: http.port ?? config.PORT, lifecycle, database, chaos, auth, members }
}

function ignoreAway(error: unknown): false {
  if (error instanceof DatabaseAway) return false
  throw error
}

function assertPortFree({ HOST, PORT }: Config) {
  try {
    Bun.listen({ hostname: HOST, port: PORT, socket: { data() {} } }).stop(true)
  } catch {
    throw new ConfigError(`port ${PORT} of ${HOST} is in use or may not be opened: stop what listens there, or set PORT`)
  }
}

/** Migrates and seeds. With the database away the server starts degraded, and this is made up for when it is back. */
async function prepareDatabase(
  config: Config,
  database: Awaited<ReturnType<typeof openDatabase>>,
  policy: PolicyFeed,
  admitted: Admission,
  log: Log,
  lifecycle: Lifecycle,
) {
  let prepared = false
  const prepare = async () => {
    const applied = await migrate(database, log)
    if (applied.length > 0) log.info({ applied }, 'the schema was brought up to date')
    await policy.refresh()
    if (config.SEED_DIR) await seedIfEmpty(database, config.SEED_DIR, log, admittedLinks(admitted.refusal))
    prepared = true
  }
  const up = Promise.withResolvers<void>()
  database.onUp(() => {
    up.resolve()
    if (prepared || lifecycle.phase() !== 'ready') return
    prepare().catch((error) => {
      log.error({ err: error }, 'the schema could not be prepared')
      if (error instanceof SchemaTooNew) void lifecycle.drain(1, error.message)
    })
  })
  await Promise.race([up.promise, Bun.sleep(FIRST_ANSWER_WITHIN)])
  const ready = database.state() === 'up' && (await prepare().then(() => true, ignoreAway))
  if (!ready) log.error('the database is away: starting degraded')
}
