// The hours and days of statistics: whole buckets in a time zone. Made here and not by the database, because they are the same for all links.
import { oldestOf } from '../base/oldest-key.ts'
import type { StatsSpan } from './span.ts'

/** Starts in s since 1970, and at the end the end of the last bucket. `dates`: the first and the last UTC day, for breakdowns. */
export type Buckets = { hours: number[]; days: number[]; dates: [first: string, last: string] }

const HOUR = 3_600_000
const QUARTER = 900_000
const DEFAULT_HOURS = 47
const DEFAULT_DAYS = 89
/** Hours of the last 31 days; a month with a clock change may have one more. */
const MOST_HOURS = 745
const CUT_HOURS = 743
const REMEMBERED = 200

const known = new Map<string, Buckets>()
const oldest = oldestOf(known)

/**
 * The buckets of a span: the first contains `from`, the last contains the moment before `to`. Takes a few hundred µs, so it keeps the last 200: without
 * `to`, they stay the same for a quarter of an hour, because every offset is a multiple of that.
 */
export function bucketsOf({ zone, from, to }: StatsSpan, now = Date.now()): Buckets {
  const end = to === null ? now - (now % QUARTER) + 1 : to * 1_000
  const key = `${zone} ${from} ${end}`
  let buckets = known.get(key)
  if (!buckets) {
    if (known.size >= REMEMBERED) known.delete(oldest()!)
    known.set(key, (buckets = make(zone, from === null ? undefined : from * 1_000, end)))
  }
  return buckets
}

function make(zone: string, from: number | undefined, end: number): Buckets {
  const last = Math.max(end - 1, from ?? 0)
  const days = daysOf(zone, from, last)
  return { hours: hoursOf(zone, from, last), days, dates: [dateOf(days[0]! * 1_000), dateOf(last)] }
}

/** Truncates after each step: where a clock changes by half an hour, hours start at a different minute afterwards. */
function hoursOf(zone: string, from: number | undefined, last: number): number[] {
  const whole = (at: number) => {
    const offset = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone).offsetNanoseconds / 1e6
    return Math.floor((at + offset) / HOUR) * HOUR - offset
  }
  const earliest =
    from === undefined ? last - DEFAULT_HOURS * HOUR : from < last - MOST_HOURS * HOUR ? last - CUT_HOURS * HOUR : from
  const end = whole(last) + HOUR
  const starts = new Set<number>()
  for (let step = whole(earliest); step <= last + 2 * HOUR; step += HOUR) {
    const hour = whole(step)
    if (hour <= end) starts.add(hour / 1_000)
  }
  return [...starts].sort((a, b) => a - b)
}

function daysOf(zone: string, from: number | undefined, last: number): number[] {
  const dayOf = (at: number) => Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone).toPlainDate()
  const end = dayOf(last).add({ days: 1 })
  const starts: number[] = []
  for (
    let day = from === undefined ? dayOf(last).subtract({ days: DEFAULT_DAYS }) : dayOf(from);
    Temporal.PlainDate.compare(day, end) <= 0;
    day = day.add({ days: 1 })
  )
    starts.push(day.toZonedDateTime(zone).epochMilliseconds / 1_000)
  return starts
}

const dateOf = (at: number) => new Date(at).toISOString().slice(0, 10)
