// Opens all parts of the server, one after another. A drain, or a failed start, stops them in reverse order.
import { openAccess } from '../access/open.ts'
import { openBlocklist } from '../blocklist/open.ts'
import { fleetChaos } from '../chaos/fleet.ts'
import { openChaos } from '../chaos/open.ts'
import { startRecorder } from '../clicks/recorder.ts'
import type { Config } from '../config/config.ts'
import { openDatabase } from '../database/open.ts'
import { openFleet } from '../fleet/open.ts'
import { createPeers } from '../http/client-address.ts'
import { eventStreams } from '../http/event-stream.ts'
import { idempotency } from '../http/idempotency.ts'
import { admission } from '../links/admission.ts'
import { codesOf } from '../links/code.ts'
import { readingOf } from '../links/given.ts'
import { linkView } from '../links/view.ts'
import { openLogs } from '../logs/open.ts'
import { clockSkew } from '../monitor/alerts/clock-skew.ts'
import { descriptorsLow } from '../monitor/alerts/descriptors-low.ts'
import { memoryLow } from '../monitor/alerts/memory-low.ts'
import type { Lifecycle } from '../monitor/lifecycle.ts'
import { openMonitor, openVitals } from '../monitor/open.ts'
import { beginEmpty } from '../redirect/emptied.ts'
import { openEdge, openRedirect } from '../redirect/open.ts'
import { takeSlot } from '../slot/slots.ts'
import type { Log, LogRing } from '../telemetry/logs.ts'
import { openInstruments } from '../telemetry/open.ts'
import { startMaintenance } from './maintenance.ts'
import { prepareDatabase } from './preparation.ts'
import { createStores } from './stores.ts'
import { suspectDatabase } from './suspicion.ts'

type Parts = {
  config: Config
  log: Log
  logRing: LogRing
  lifecycle: Lifecycle
  visitorsWait?: number
  /** Another process serves the embedded database. */
  served?: boolean
}

export type Context = Awaited<ReturnType<typeof openContext>>

/** Opens the parts. Throws ConfigError for settings that cannot work, DatabaseUnfit, DataDirInUse. */
export async function openContext({ config, log, logRing, lifecycle, visitorsWait, served }: Parts) {
  const { onStop } = lifecycle
  const peers = createPeers()
  const database = await openDatabase(config, log, { keepTrying: true, join: served ? 'only join' : false })
  onStop('close the database', database.close)
  if (config.initEmpty) {
    await database.begun
    await beginEmpty(database, config.DATA_DIR, log)
  }
  const opening = { config, log, onStop, database, peers, lifecycle }

  const { folder, release } = takeSlot(config.DATA_DIR)
  onStop('leave the slot', release)
  const clicks = startRecorder({ ...opening, folder }) // first, because its worker starts in the meantime
  onStop('store clicks', (ms) => clicks.stop(ms / 2))
  const instruments = openInstruments({
    ...opening,
    memoryLimit: memoryLow.limit / 100,
    descriptorLimit: descriptorsLow.limit / 100,
  })
  const edge = openEdge({ ...opening, folder })
  const access = await openAccess({ ...opening, ...instruments, folder })
  const blocklist = await openBlocklist({ ...opening, ...access })
  const redirect = await openRedirect({ ...opening, ...instruments, ...access, edge, clicks, blocklist, visitorsWait })
  const chaos = openChaos({
    ...opening,
    ...instruments,
    ...redirect,
    clicks,
    kill: () => void lifecycle.drain(75, 'chaos: kill'),
  })
  lifecycle.onDrain('end the faults', chaos.stop)

  const admitted = admission(config, blocklist.blocks)
  const codes = codesOf(config)
  const preparation = prepareDatabase({ ...opening, ...access, admitted })
  onStop('stop preparing the database', preparation.stop)
  const vitals = openVitals({ ...opening, ...instruments, ...redirect, clicks, chaos, waitsFor: preparation.waitsFor })
  const fleet = openFleet({
    ...opening,
    folder,
    id: clicks.journalId,
    started: lifecycle.started,
    state: () => vitals.ready().status,
    rate: vitals.sampler.rate,
    secret: () => access.policy.current().sessionSecret,
    clockLimit: clockSkew.limit,
  })
  const faults = fleetChaos({ ...fleet, chaos })
  const all = {
    ...opening,
    ...instruments,
    ...access,
    ...redirect,
    ...vitals,
    ...fleet,
    folder,
    edge,
    clicks,
    chaos,
    fleetChaos: faults,
  }
  const monitor = openMonitor(all)
  onStop('stop maintenance', startMaintenance(database, log, config))
  onStop('stop suspecting the database', suspectDatabase({ database, clicks, ...instruments }))
  return {
    ...all,
    ...monitor,
    ...openLogs({ ...fleet, logRing }),
    ...createStores({ database, codes, ...access }),
    blocklist,
    admission: admitted,
    reading: readingOf({ admission: admitted, database, codes, config }),
    once: idempotency(database),
    view: linkView(config, blocklist),
    streams: eventStreams(),
    preparation,
  }
}
