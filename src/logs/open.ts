import type { Fleetwide } from '../fleet/ask.ts'
import type { Members } from '../fleet/members.ts'
import type { LogRing } from '../telemetry/logs.ts'
import { fleetLogs } from './fleet.ts'
import { followLog } from './follow.ts'

/** Sets up reading, searching and following the logs of this replica and of the others. */
export function openLogs({ logRing: ring, members, fleet }: { logRing: LogRing; members: Members; fleet: Fleetwide }) {
  const replicas = () => members.list().map(({ id }) => id)
  const logs = fleetLogs(ring, { self: members.self().id, all: fleet.all, one: fleet.one })
  return { logs, replicas, follow: followLog({ ring, logs, replicas }) }
}
