// The database's clock, which all replicas share, and the offset of this machine's.
import type { Log } from '../telemetry/logs.ts'

/** ms. A slower answer is ignored: the error is up to half of its time. */
const MAX_ROUND_TRIP = 2_000
/** Consecutive samples that must be off before we warn; a single outlier is ignored. */
const IN_A_ROW = 2

export type Clock = ReturnType<typeof followClock>

/** Warns beyond `limit` seconds. `wall` is this machine’s clock, in ms; it counts as right until the database's time is known. */
export function followClock(log: Pick<Log, 'warn' | 'info'>, limit: number, wall = Date.now) {
  let origin: number | undefined // the database's time when performance.now() was 0: the monotonic clock is never set
  let samples: number[] = [] // the last offsets
  let wasOff = false

  const now = () => (origin === undefined ? wall() : origin + performance.now())
  const offset = () => (origin === undefined ? 0 : (wall() - now()) / 1000)

  /** Smallest offset over the last samples and now; 0 if they disagree in sign. */
  function lasting() {
    const all = samples.length < IN_A_ROW ? [0] : [...samples, offset()]
    return Math.max(0, Math.min(...all)) + Math.min(0, Math.max(...all))
  }

  return {
    /** ms since 1970 by the database's clock. */
    now,
    /** Seconds that this machine's clock is ahead of the database's; negative if behind. */
    offset,
    /** The part of it that lasted for two samples in a row. */
    lasting,
    /** A sample: the database's clock was `time`, somewhere between `asked` (performance.now()) and now. */
    learn(time: number, asked: number) {
      if (origin !== undefined && performance.now() - asked > MAX_ROUND_TRIP) return // for instance, this process was frozen in between
      origin = time - (asked + performance.now()) / 2
      samples = [...samples, offset()].slice(-IN_A_ROW)
      const seconds = Math.round(lasting() * 10) / 10
      const isOff = Math.abs(seconds) > limit
      if (isOff && !wasOff)
        log.warn({ offset_seconds: seconds }, 'this machine’s clock differs from that of the database: correct one of them')
      if (!isOff && wasOff) log.info({ offset_seconds: seconds }, 'this machine’s clock agrees with that of the database again')
      wasOff = isOff
    },
  }
}
