// Every fault of the suite, in the order of the report.
import type { Fault } from '../fault.ts'
import { clockStep } from './clock-step.ts'
import { failover } from './failover.ts'
import { floodUnknown } from './flood-unknown.ts'
import { halfOpen } from './half-open.ts'
import { idle10000 } from './idle-10000.ts'
import { journalDiskFull } from './journal-disk-full.ts'
import { kill9All } from './kill9-all.ts'
import { kill9One } from './kill9-one.ts'
import { memoryPressure } from './memory-pressure.ts'
import { networkCut } from './network-cut.ts'
import { nginxReload } from './nginx-reload.ts'
import { notifyLost } from './notify-lost.ts'
import { poisonedRow } from './poisoned-row.ts'
import { postgresConnections } from './postgres-connections.ts'
import { postgresDiskFull } from './postgres-disk-full.ts'
import { postgresFreeze } from './postgres-freeze.ts'
import { postgresKill9 } from './postgres-kill9.ts'
import { postgresSlow } from './postgres-slow.ts'
import { postgresStop } from './postgres-stop.ts'
import { schemaUpgrade } from './schema-upgrade.ts'
import { sigtermAll } from './sigterm-all.ts'
import { sigtermOne } from './sigterm-one.ts'
import { slowClients } from './slow-clients.ts'
import { tornJournal } from './torn-journal.ts'
import { valkeyAway } from './valkey-away.ts'
import { valkeyFrozen } from './valkey-frozen.ts'

export const FAULTS: Fault[] = [
  kill9One,
  kill9All,
  sigtermOne,
  sigtermAll,
  postgresStop,
  postgresKill9,
  postgresFreeze,
  postgresSlow,
  postgresConnections,
  postgresDiskFull,
  failover,
  valkeyAway,
  valkeyFrozen,
  notifyLost,
  networkCut,
  halfOpen,
  nginxReload,
  clockStep,
  journalDiskFull,
  tornJournal,
  poisonedRow,
  schemaUpgrade,
  floodUnknown,
  slowClients,
  idle10000,
  memoryPressure,
]
