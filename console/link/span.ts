// Which hours or days of a link's clicks are shown: what the address says, and what that means to the server.

export const SPANS = [
  { value: '24h', word: '24 h', hours: 24 },
  { value: '7d', word: '7 d', hours: 168 },
  { value: '31d', word: '31 d', hours: 744 },
  { value: '90d', word: '90 d', hours: 2_160 },
  { value: '1y', word: '1 y', hours: 8_760 },
  { value: 'all', word: 'all', hours: Number.POSITIVE_INFINITY },
] as const
export type Span = (typeof SPANS)[number]['value']
export type By = 'hour' | 'day'

const HOUR = 3_600_000
const MAX_YEARS = 5 * 365 * 24 * HOUR // what the server answers for at once
const MOST_HOURS = 744

type Query = Record<string, string | undefined>
export type View = { span: Span; by: By; zone: string; table: boolean }

export const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'

/** `byDefault` is the span of an address that names none. */
export function viewOf({ span, by, tz, as }: Query, byDefault: Span): View {
  const known = SPANS.find(({ value }) => value === span) ?? SPANS.find(({ value }) => value === byDefault)!
  return {
    span: known.value,
    by: hoursCan(known.value) && (by === 'hour' || (by === undefined && known.hours <= 168)) ? 'hour' : 'day',
    zone: tz ?? ownZone,
    table: as === 'table',
  }
}

/** Hours are known for 31 days. */
export const hoursCan = (span: Span) => SPANS.find(({ value }) => value === span)!.hours <= MOST_HOURS

/** The query of the statistics. Everything begins with the link, but not more than five years ago. */
export function statsQuery({ span, by, zone }: View, created: string | undefined): URLSearchParams {
  const { hours } = SPANS.find(({ value }) => value === span)!
  const begin = Number.isFinite(hours)
    ? Date.now() - (by === 'hour' ? hours - 1 : Math.max(hours - 24, 24)) * HOUR // so many whole hours or days, today among them
    : Math.max(Date.now() - MAX_YEARS, Math.min(Date.parse(created ?? '') || 0, Date.now() - HOUR))
  return new URLSearchParams({ tz: zone, from: new Date(begin).toISOString() })
}
