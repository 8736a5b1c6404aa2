// How many files and connections this process has open, of those that it may.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import type { Log } from './logs.ts'
import type { Metrics } from './metrics.ts'

/** Of those that it may have open. */
export const LOW = 0.8
const ENOUGH = 0.75
const LOOK_EVERY = 1_000
const OPEN = '/proc/self/fd'

export type Descriptors = ReturnType<typeof watchDescriptors>

/** Both are also metrics of prom-client, which reads 10,000 names at each scrape, and the limit only once. */
export function exposeDescriptors({ expose }: Metrics, figures: Descriptors['figures']) {
  if (!existsSync(OPEN)) return
  expose('process_open_fds', 'gauge', 'Descriptors that the process has open.', () => [{ value: figures().open }])
  expose('process_max_fds', 'gauge', 'Descriptors that it may have open.', () => [{ value: figures().most }])
}

/** Looks each second, and logs when few are left, and when there are more again. */
export function watchDescriptors(log: Pick<Log, 'warn' | 'info'>) {
  let most = Number.POSITIVE_INFINITY
  let open = 0
  let low = false
  look()
  const timer = setInterval(look, LOOK_EVERY)
  timer.unref()

  function look() {
    most = limitNow() ?? most // at the limit this file cannot be opened either
    open = openNow(most)
    const share = open / most
    if (!low && share > LOW) log.warn({ open, most }, 'few descriptors are left: at the limit no connection is accepted')
    if (low && share <= ENOUGH) log.info({ open, most }, 'there are enough descriptors again')
    low = share > (low ? ENOUGH : LOW)
  }

  return { figures: () => ({ open, most, share: open / most, low }), look, stop: () => clearInterval(timer) }
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

/** Linux 6.2 and newer tell the number as the folder's size: 5 µs, while its 10,000 names take 70 ms to read, and a descriptor. */
function openNow(most: number): number {
  try {
    return statSync(OPEN).size || readdirSync(OPEN).length
  } catch (error) {
    return (error as { code?: string }).code === 'EMFILE' ? most : 0
  }
}
