// How many files and connections this process has open, against its limit.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { threshold } from '../base/threshold.ts'
import type { Log } from './logs.ts'
import type { Metrics } from './metrics.ts'

/** The share, as a difference, by which it must fall below the limit before the warning ends. */
const GAP = 0.05
const LOOK_EVERY = 1_000
const OPEN = '/proc/self/fd'

export type Descriptors = ReturnType<typeof watchDescriptors>

/** Replaces prom-client's metrics of these names: it lists 10,000 names at each scrape, and reads the limit only once. */
export function exposeDescriptors({ expose }: Metrics, figures: Descriptors['figures']) {
  if (!existsSync(OPEN)) return
  expose('process_open_fds', 'gauge', 'Descriptors that the process has open.', () => [{ value: figures().open }])
  expose('process_max_fds', 'gauge', 'Descriptors that it may have open.', () => [{ value: figures().most }])
}

/** Checks each second; logs when more than the share `limit` is open, and when that ends. */
export function watchDescriptors(log: Pick<Log, 'warn' | 'info'>, limit: number) {
  let most = Number.POSITIVE_INFINITY
  let open = 0
  let low = false
  const isLow = threshold(limit, limit - GAP, (now) =>
    now
      ? log.warn({ open, most }, 'few file descriptors are left: at the limit no connection is accepted')
      : log.info({ open, most }, 'there are enough file descriptors again'),
  )
  measure()
  const timer = setInterval(measure, LOOK_EVERY)
  timer.unref()

  function measure() {
    most = limitNow() ?? most // fails at the limit
    open = openNow(most)
    low = isLow(open / most)
  }

  return { figures: () => ({ open, most, share: open / most, low }), measure, stop: () => clearInterval(timer) }
}

/** The soft limit, which Bun raises to the hard one when it starts. */
function limitNow(): number | undefined {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === undefined ? undefined : Number(soft)
  } catch {
    return undefined
  }
}

/** Linux 6.2 and newer give the count as the folder's size: 5 µs. Listing 10,000 names takes 70 ms, and a descriptor. */
function openNow(most: number): number {
  try {
    return statSync(OPEN).size || readdirSync(OPEN).length
  } catch (error) {
    return (error as { code?: string }).code === 'EMFILE' ? most : 0
  }
}
