import type { OnStop } from '../../base/on-stop.ts'
import type { FleetChaos } from '../../chaos/fleet.ts'
import type { Config } from '../../config/config.ts'
import { placeIn } from '../../fleet/instance.ts'
import { nameOf } from '../../fleet/name.ts'
import type { OpenFleet } from '../../fleet/open.ts'
import { slotFolders } from '../../slot/slots.ts'
import type { Log } from '../../telemetry/logs.ts'
import { alertsIn, openAlertFile } from './file.ts'
import { fleetAlerts } from './fleet.ts'
import { logAlert } from './log.ts'
import type { Sources } from './sources.ts'
import { watchAlerts } from './watch.ts'

type Parts = {
  config: Config
  /** The slot's folder. */
  folder: string
  fleetChaos: FleetChaos
  /** When the previous process was last known to run, in ms since 1970. */
  livedUntil: number | undefined
  log: Log
  onStop: OnStop
} & Sources &
  Pick<OpenFleet, 'members' | 'fleet' | 'place'>

/** Opens the alerts of this replica, their file in the slot's folder, and the queries to other replicas. */
export function openAlerts(parts: Parts) {
  const { config, folder, fleetChaos, livedUntil, log, onStop, members, fleet, place } = parts
  const file = openAlertFile(folder, log, livedUntil)

  const listeners: (() => void)[] = []
  const alerts = watchAlerts(
    parts,
    (fired, history) => {
      logAlert(log, fired)
      void file.write(nameOf(members.self()), history)
      listeners.forEach((listener) => listener())
    },
    file.before,
  )
  onStop('keep the history of alerts', async () => {
    alerts.stop()
    await file.write(nameOf(members.self()), alerts.history().reverse())
  })

  const fromOtherSlots = (answered: Set<string>) =>
    slotFolders(config.DATA_DIR).flatMap((other) => {
      const slot = other === folder ? undefined : placeIn(other)
      return slot === undefined || answered.has(slot) ? [] : alertsIn(other)
    })
  const own = () => ({ alerts: alerts.list(), history: alerts.history() })
  const { all, one } = fleet
  return {
    alerts,
    fleetAlerts: fleetAlerts(own, { self: () => members.self().id, place, fromOtherSlots, nameOf: fleetChaos.named, all, one }),
    /** Calls `listener` when an alert starts to fire, and when it ends. */
    onAlert: (listener: () => void) => void listeners.push(listener),
  }
}
