// What statistics are asked for: ?tz=&from=&to=.
import { invalid } from '../http/problem.ts'

/** `from` and `to` (exclusive) in seconds since 1970; null where the default is wanted. */
export type Span = { zone: string; from: number | null; to: number | null }

const DAY = 86_400_000
const MAX_SPAN = 5 * 366 * DAY
const DATE_LENGTH = '2026-03-01'.length

// Abbreviations to PostgreSQL, without summer time; as names they have it.
const NAMES: Record<string, string> = {
  CET: 'Europe/Brussels',
  MET: 'Europe/Brussels',
  EET: 'Europe/Athens',
  WET: 'Europe/Lisbon',
}

/** Throws 400 naming the parameter. */
export function spanOf({ tz = 'UTC', from, to }: { tz?: string; from?: string; to?: string }): Span {
  const zone = NAMES[tz.toUpperCase()] ?? tz
  const offset = offsets(zone)
  const start = from === undefined ? null : momentOf('from', from, offset, 0)
  const end = to === undefined ? null : momentOf('to', to, offset, DAY)
  if (start !== null) {
    const until = end ?? Date.now()
    // A date as `to` ends before the moment it gives; a time may be its own `from`.
    if (start > until || (start === end && to!.length === DATE_LENGTH))
      throw invalid('from', `must not be after ${end === null ? 'now' : 'to'}`)
    if (until - start > MAX_SPAN) throw invalid('from', 'must be at most 5 years before to')
  }
  return { zone, from: start && start / 1000, to: end && end / 1000 }
}

/** How far the zone's clocks are ahead of UTC at a moment, in ms. */
function offsets(zone: string): (at: number) => number {
  try {
    // '+05:30' is a zone to Intl, and the opposite one to PostgreSQL.
    if (!/^[a-z][\w+/-]*$/i.test(zone)) throw new RangeError('not a name')
    const format = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' })
    return (at) => {
      const name = format.formatToParts(at).find(({ type }) => type === 'timeZoneName')!.value
      const [, sign, hours, minutes] = /([+-])(\d\d):(\d\d)/.exec(name) ?? ['', '+', '0', '0']
      return (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -60_000 : 60_000)
    }
  } catch {
    throw invalid('tz', 'must be the name of a time zone, such as Europe/Berlin')
  }
}

// A + in a query arrives as a space. Years before 1970 have no clicks, and offsets of seconds.
const MOMENT =
  /^((?:19[7-9]|[2-9]\d\d)\d-\d\d-\d\d)(?:[Tt ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:[.,]\d+)?)?(?:(Z)|([ +-])([01]\d):?([0-5]\d))?)?$/i

/** `wholeDay` is added to a date. */
function momentOf(field: string, text: string, offset: (at: number) => number, wholeDay: number): number {
  const [, date, hour, minute, second = '00', utc, sign, ahead, minutesAhead] = MOMENT.exec(text) ?? []
  const midnight = date === undefined ? Number.NaN : Date.parse(`${date}T00:00:00Z`)
  // February 30 would be March 2.
  if (Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(date!))
    throw invalid(field, 'must be an ISO date or time, such as 2026-03-01 or 2026-03-01T08:30:00Z')
  if (hour === undefined) return atLocal(midnight + wholeDay, offset)
  const local = midnight + (Number(hour) * 3600 + Number(minute) * 60 + Number(second)) * 1000
  if (utc) return local
  if (sign) return local - (Number(ahead) * 60 + Number(minutesAhead)) * (sign === '-' ? -60_000 : 60_000)
  return atLocal(local, offset)
}

/** The first moment at which clocks show `local`; where they skip it, the same time after the skip. */
function atLocal(local: number, offset: (at: number) => number): number {
  const before = local - offset(local - DAY)
  const after = local - offset(local + DAY)
  const shown = [before, after].filter((at) => at + offset(at) === local)
  return shown.length > 0 ? Math.min(...shown) : before
}
