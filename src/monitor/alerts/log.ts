import type { Log } from '../../telemetry/logs.ts'
import { alertOf } from './index.ts'
import type { Fired } from './watch.ts'

/** Logs that an alert fires, or that it is over. */
export function logAlert(log: Pick<Log, 'info' | 'warn'>, { name, from, to, peak, test }: Fired) {
  if (to) {
    log.info({ alert: name, from, to, peak, test }, 'an alert is over')
    return
  }
  log.warn({ alert: name, value: peak, test }, 'an alert fires')
  const line = test ? undefined : alertOf(name)?.logLine
  if (line) log.warn({ value: peak }, line)
}
