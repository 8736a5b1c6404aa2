// Times as text. database/time.ts reads those of the database, and clicks/span.ts spans in a time zone.

const TIME = /^([12]\d{3}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?:(:\d\d)(\.\d+)?)?\s?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i

/** Reads `2025-09-19 22:25:05` or ISO 8601, in UTC if it has no zone, and gives ISO 8601 in UTC; undefined if it is invalid. */
export function readTime(text: string): string | undefined {
  const [, day, minute = '00:00', second = ':00', fraction = '', zone = 'Z'] = TIME.exec(text.trim()) ?? []
  const offset = zone.toUpperCase() === 'Z' ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(3).replace(':', '') || '00'}`
  const date = new Date(`${day}T${minute}${second}${fraction.slice(0, 4)}${offset}`)
  // JavaScript reads February 30 as March 2.
  if (Number.isNaN(date.getTime()) || minute.startsWith('24') || new Date(`${day}T00:00:00Z`).toISOString().slice(0, 10) !== day)
    return undefined
  return date.toISOString()
}

/** ms since 1970, as the server writes times. */
export const iso = (time: number): string => new Date(time).toISOString()
