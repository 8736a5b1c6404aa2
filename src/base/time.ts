// Times as text. database/time.ts reads those of the database, and clicks/span.ts spans in a time zone.

const TIME = /^([12]\d{3}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?:(:\d\d)(\.\d+)?)?\s?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i

/** Reads `2025-09-19 22:25:05` or ISO 8601, in UTC if it has no zone, and gives ISO 8601 in UTC; undefined if it is invalid. */
export function readTime(text: string): string | undefined {
  const [, day = '', minute = '00:00', second = ':00', fraction = '', zone = 'Z'] = TIME.exec(text.trim()) ?? []
  if (zone === 'Z' && isDay(day) && CLOCK.test(minute + second))
    return `${day}T${minute}${second}${(fraction || '.').slice(0, 4).padEnd(4, '0')}Z` // without a Date, in a fifth of the time
  const offset = zone.toUpperCase() === 'Z' ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(3).replace(':', '') || '00'}`
  const date = new Date(`${day}T${minute}${second}${fraction.slice(0, 4)}${offset}`)
  if (Number.isNaN(date.getTime()) || minute.startsWith('24') || !isDay(day)) return undefined
  return date.toISOString()
}

const CLOCK = /^(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d$/
let known = '' // the times of a file are often of one day

/** JavaScript reads February 30 as March 2. */
function isDay(day: string): boolean {
  if (day === known) return day !== ''
  const date = new Date(`${day}T00:00:00Z`)
  if (Number.isNaN(date.getTime()) || date.toISOString().slice(0, 10) !== day) return false
  known = day
  return true
}

/** ms since 1970, as the server writes times. */
export const iso = (time: number): string => new Date(time).toISOString()
