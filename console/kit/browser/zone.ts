// Time zones: the reader's, and times as clocks there show them, for form fields.

/** Whether browsers and the server know the name; an offset such as '+03:00' is not a name. */
export function isZone(zone: string): boolean {
  try {
    return /^[a-z][\w+/-]*$/i.test(zone) && new Intl.DateTimeFormat('en', { timeZone: zone }) !== undefined
  } catch {
    return false
  }
}

/** The browser's name of the reader's zone. It may have no name, or one that it does not accept itself. */
export const systemZone = Intl.DateTimeFormat().resolvedOptions().timeZone || 'unknown'
export const ownZone = isZone(systemZone) ? systemZone : 'UTC'

/** 2026-12-01T09:30, as clocks in `zone` show the time; '' for none. */
export const localOf = (time: string, zone: string) => (time ? clock(Date.parse(time), zone).slice(0, 16) : '')

/**
 * The UTC time at which clocks in `zone` show `local`: the first, if they show it twice, and a later one, if they skip it. '' if it is not a time, or
 * before the year 1000, as while the year is typed.
 */
export function timeOf(local: string, zone: string): string {
  const shown = Date.parse(`${local}Z`)
  if (Number.isNaN(shown) || local < '1') return ''
  const before = shown - ahead(shown - DAY, zone)
  const after = shown - ahead(shown + DAY, zone)
  const shows = (time: number) => time + ahead(time, zone) === shown
  return new Date(shows(before) || !shows(after) ? before : after).toISOString().replace('.000Z', 'Z')
}

/** Europe/Berlin (GMT+1): the zone, and its offset at the time, or now. */
export function zoneAt(time: string, zone: string): string {
  const parts = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'shortOffset' }).formatToParts(
    time ? new Date(time) : new Date(),
  )
  return `${zone} (${parts.find(({ type }) => type === 'timeZoneName')?.value})`
}

/** 1 Dec 2026, 09:30, in the zone. */
export const dateOf = (time: string, zone: string) =>
  new Date(time).toLocaleString('en-GB', { timeZone: zone, dateStyle: 'medium', timeStyle: 'short' })

const DAY = 86_400_000

/** How far clocks in `zone` are ahead of UTC, in ms. */
const ahead = (time: number, zone: string) => Date.parse(`${clock(time, zone)}Z`) - Math.floor(time / 1000) * 1000

/** 2026-12-01T09:30:00: Sweden writes ISO. */
const clock = (time: number, timeZone: string) =>
  new Date(time).toLocaleString('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' }).replace(' ', 'T')
