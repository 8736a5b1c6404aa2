// How numbers, moments and addresses are written, everywhere alike.

const whole = new Intl.NumberFormat('en')
const relative = new Intl.RelativeTimeFormat('en', { style: 'short', numeric: 'always' })
const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_556_952],
  ['month', 2_629_746],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]

/** 12,345 */
export const count = (value: number) => whole.format(value)

/** 3 hr. ago; just now */
export function ago(time: string, now = Date.now()): string {
  const seconds = (now - Date.parse(time)) / 1000
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? []
  if (!unit || !size) return 'just now'
  return relative.format(-Math.trunc(seconds / size), unit).replace('.', '')
}

/** 2025-09-19 22:25:05 UTC, and the same in the reader's zone. */
export function moment(time: string): string {
  const utc = time.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC')
  return `${utc}\n${new Date(time).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'long' })}`
}

/** A target in two parts: what says where it leads, and the rest. https:// goes without saying. */
export function parts(target: string): { host: string; rest: string } {
  const [, scheme, host = target, rest = ''] = /^(https?:\/\/)([^/?#]*)(.*)$/i.exec(target) ?? []
  return { host: scheme?.toLowerCase() === 'http://' ? `http://${host}` : host, rest: rest === '/' ? '' : rest }
}

/** Only what a browser may safely follow: imported rows can hold anything. */
export const followable = (target: string) => (/^https?:\/\//i.test(target) ? target : undefined)
