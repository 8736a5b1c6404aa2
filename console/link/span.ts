// The hours or days of clicks that are shown: from the address to the server's query.
import { isZone, systemZone } from '../kit/browser/zone.ts'

export const SPANS = [
  { value: '24h', word: '24 h', hours: 24 },
  { value: '7d', word: '7 d', hours: 168 },
  { value: '31d', word: '31 d', hours: 744 },
  { value: '90d', word: '90 d', hours: 2_160 },
  { value: '1y', word: '1 y', hours: 8_760 },
  { value: 'all', word: 'All', hours: Number.POSITIVE_INFINITY },
] as const
export type Span = (typeof SPANS)[number]['value']
export type By = 'hour' | 'day'

const HOUR = 3_600_000
const MAX_YEARS = 5 * 365 * 24 * HOUR // the longest period of one request
const MOST_HOURS = 744

type Query = Record<string, string | undefined>
/** `unknown`: the zone that was asked for, if UTC is shown instead. */
export type View = { span: Span; by: By; zone: string; unknown?: string; table: boolean }

/** `byDefault` is the period if the address has none; `refused` a zone that the server does not know. */
export function viewOf({ span, by, tz, as }: Query, byDefault: Span, refused = ''): View {
  const known = SPANS.find(({ value }) => value === span) ?? SPANS.find(({ value }) => value === byDefault)!
  const zone = tz ?? systemZone
  const isKnown = isZone(zone) && zone !== refused
  return {
    span: known.value,
    by: hoursCan(known.value) && (by === 'hour' || (by === undefined && known.hours <= 168)) ? 'hour' : 'day',
    zone: isKnown ? zone : 'UTC',
    unknown: isKnown ? undefined : zone,
    table: as === 'table',
  }
}

/** Hours are kept for 31 days. */
export const hoursCan = (span: Span) => SPANS.find(({ value }) => value === span)!.hours <= MOST_HOURS

/** The query of the statistics. "All" begins when the link was created, but at most five years ago. */
export function statsQuery({ span, by, zone }: View, created: string | undefined): URLSearchParams {
  const { hours } = SPANS.find(({ value }) => value === span)!
  const begin = Number.isFinite(hours)
    ? Date.now() - (by === 'hour' ? hours - 1 : Math.max(hours - 24, 24)) * HOUR // so many whole hours or days, today among them
    : Math.max(Date.now() - MAX_YEARS, Math.min(Date.parse(created ?? '') || 0, Date.now() - HOUR))
  return new URLSearchParams({ tz: zone, from: new Date(begin).toISOString() })
}
