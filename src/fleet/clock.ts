// The database's clock, which all replicas share, and how far this machine's is off.
import { ALERTS } from '../telemetry/conditions.ts'
import type { Log } from '../telemetry/logs.ts'

/** ms. What is told later is off by up to half of it. */
const TELLING = 2_000
/** So many times in a row it must be off until it is said: one odd measurement is none. */
const IN_A_ROW = 2

export type Clock = ReturnType<typeof followClock>

/** Before the database has told its time, and where nobody tells it, this machine's clock is the right one. */
export function followClock(log: Pick<Log, 'warn' | 'info'>) {
  let origin: number | undefined // its time when performance.now() was 0: that clock goes on whatever is set
  let told: number[] = [] // offsets, of the last times
  let wasOff = false

  const now = () => (origin === undefined ? Date.now() : origin + performance.now())
  const offset = () => (origin === undefined ? 0 : (Date.now() - now()) / 1000)

  /** The least that it was off at each of the last times and is now, all in one direction. */
  function lasting() {
    const all = told.length < IN_A_ROW ? [0] : [...told, offset()]
    return Math.max(0, Math.min(...all)) + Math.min(0, Math.max(...all))
  }

  return {
    /** ms since 1970 by the database's clock. */
    now,
    /** Seconds that this machine's clock is ahead of the database's; below 0: behind. */
    offset,
    /** The same, as far as it was so twice in a row. */
    lasting,
    /** The database said that it is `time`, somewhen between `asked` (performance.now()) and now. */
    told(time: number, asked: number) {
      if (origin !== undefined && performance.now() - asked > TELLING) return // this process stood still meanwhile, say
      origin = time - (asked + performance.now()) / 2
      told = [...told, offset()].slice(-IN_A_ROW)
      const seconds = Math.round(lasting() * 10) / 10
      const isOff = Math.abs(seconds) > ALERTS.clock_skew.limit
      if (isOff && !wasOff)
        log.warn({ offset_seconds: seconds }, 'this machine’s clock is not that of the database: set one of them')
      if (!isOff && wasOff) log.info({ offset_seconds: seconds }, 'this machine’s clock is that of the database again')
      wasOff = isOff
    },
  }
}
