// The time span of statistics: ?tz=&from=&to=.
import { invalid } from '../base/problem.ts'

/** `from` and `to` (exclusive) in seconds since 1970; null for the default. */
export type StatsSpan = { zone: string; from: number | null; to: number | null }

const MAX_SPAN = 5 * 366 * 86_400_000
const DATE_LENGTH = '2026-03-01'.length

// PostgreSQL reads these as abbreviations without daylight saving time; the names have it.
const NAMES: Record<string, string> = {
  CET: 'Europe/Brussels',
  MET: 'Europe/Brussels',
  EET: 'Europe/Athens',
  WET: 'Europe/Lisbon',
}

/** Throws 400 naming the parameter. */
export function spanOf({ tz = 'UTC', from, to }: { tz?: string; from?: string; to?: string }): StatsSpan {
  const zone = zoneOf(tz)
  const start = from === undefined ? null : momentOf('from', from, zone, 0)
  const end = to === undefined ? null : momentOf('to', to, zone, 1)
  if (start !== null) {
    const until = end ?? Date.now()
    // A date as `to` ends before the time it gives; a time may equal `from`.
    if (start > until || (start === end && to!.length === DATE_LENGTH))
      throw invalid('from', `must not be after ${end === null ? 'now' : 'to'}`)
    if (until - start > MAX_SPAN) throw invalid('from', 'must be at most 5 years before to')
  }
  return { zone, from: start && start / 1000, to: end && end / 1000 }
}

function zoneOf(tz: string): string {
  const zone = NAMES[tz.toUpperCase()] ?? tz
  try {
    // Temporal accepts '+05:30', which PostgreSQL reads with the opposite sign.
    if (!/^[a-z][\w+/-]*$/i.test(zone)) throw new RangeError('not a name')
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone)
    return zone
  } catch {
    throw invalid('tz', 'must be the name of a time zone, such as Europe/Berlin')
  }
}

// A + in a query arrives as a space. Years before 1970 have no clicks.
const MOMENT =
  /^((?:19[7-9]|[2-9]\d\d)\d-\d\d-\d\d)(?:[Tt ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:[.,]\d+)?)?(?:(Z)|([ +-])([01]\d):?([0-5]\d))?)?$/i

/**
 * ms since 1970; for a date, its start plus `later` days. Without an offset it is the first time at which clocks in `zone` show this, or the same time
 * after the skip, if they skip it.
 */
function momentOf(field: string, text: string, zone: string, later: number): number {
  const [, date = '', hour, minute, second = '00', utc, sign, ahead, minutesAhead] = MOMENT.exec(text) ?? []
  const day = dayOf(date)
  if (!day) throw invalid(field, 'must be an ISO date or time, such as 2026-03-01 or 2026-03-01T08:30:00Z')
  if (hour === undefined) return day.add({ days: later }).toZonedDateTime(zone).epochMilliseconds
  const offset = utc ? 'UTC' : sign && `${sign === '-' ? '-' : '+'}${ahead}:${minutesAhead}`
  return day.toPlainDateTime(`${hour}:${minute}:${second}`).toZonedDateTime(offset ?? zone).epochMilliseconds
}

/** Undefined for an invalid date, such as February 30. */
function dayOf(date: string): Temporal.PlainDate | undefined {
  try {
    return Temporal.PlainDate.from(date)
  } catch {
    return undefined
  }
}
