// The built-in alerts, in the order in which the API lists them.
import type { Alert, SharedCause } from './alert.ts'
import { clickBacklog } from './click-backlog.ts'
import { clicksDropped } from './clicks-dropped.ts'
import { clockSkew } from './clock-skew.ts'
import { databaseMoved } from './database-moved.ts'
import { databaseRefuses } from './database-refuses.ts'
import { databaseSlow } from './database-slow.ts'
import { descriptorsLow } from './descriptors-low.ts'
import { diskSpace } from './disk-space.ts'
import { highErrorRate } from './high-error-rate.ts'
import { highLatency } from './high-latency.ts'
import { journalSkipped } from './journal-skipped.ts'
import { memoryLow } from './memory-low.ts'
import { replicaLost } from './replica-lost.ts'
import { serviceDown } from './service-down.ts'
import { sharedCacheDown } from './shared-cache-down.ts'
import { targetsRefused } from './targets-refused.ts'
import { unknownFlood } from './unknown-flood.ts'

const all = [
  serviceDown,
  databaseRefuses,
  highErrorRate,
  highLatency,
  clickBacklog,
  clicksDropped,
  journalSkipped,
  diskSpace,
  clockSkew,
  replicaLost,
  databaseSlow,
  databaseMoved,
  sharedCacheDown,
  memoryLow,
  descriptorsLow,
  unknownFlood,
  targetsRefused,
]

export type AlertName = (typeof all)[number]['name']
export const ALERTS: readonly Alert<AlertName>[] = all

/** Undefined for an unknown name. */
export const alertOf = (name: string) => ALERTS.find((alert) => alert.name === name)

/** Alerts with the same cause are shown in one line. During a problem with the database, its consequences have the cause `database`. */
export type Cause = AlertName | SharedCause

/** `troubled`: the database had a problem when the alert started. */
export function causeOf(name: AlertName, troubled: boolean): Cause {
  const { cause, followsDatabase } = alertOf(name)!
  return troubled && followsDatabase ? 'database' : (cause ?? name)
}
