// How numbers, times and addresses are written, everywhere alike.

const whole = new Intl.NumberFormat('en')
const relative = new Intl.RelativeTimeFormat('en', { style: 'short', numeric: 'always' })
// Created once: that takes longer than a hundred uses.
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' })
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
  return `${utc}\n${absolute.format(new Date(time))}`
}

/** A target as its host and the rest. https:// is left out. */
export function parts(target: string): { host: string; rest: string } {
  const [, scheme, host = target, rest = ''] = /^(https?:\/\/)([^/?#]*)(.*)$/i.exec(target) ?? []
  return { host: scheme?.toLowerCase() === 'http://' ? `http://${host}` : host, rest: rest === '/' ? '' : rest }
}

/** Only what a browser may safely follow: imported rows can hold anything. */
export const followable = (target: string) => (/^https?:\/\//i.test(target) ? target : undefined)

/** 1.2 k, 34, 0.05: at most three digits, so that it fits next to a chart. */
export function short(value: number): string {
  const size = Math.abs(value)
  if (size >= 1e9) return `${shortest(value / 1e9)} G`
  if (size >= 1e6) return `${shortest(value / 1e6)} M`
  if (size >= 1e4) return `${shortest(value / 1e3)} k`
  if (size >= 100) return count(Math.round(value))
  return shortest(value)
}

const shortest = (value: number) =>
  Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toFixed(Math.abs(value) >= 10 ? 1 : 2)))

/** 123 MB: decimal units. */
export function bytes(value: number): string {
  const [unit, size] = ([
    ['TB', 1e12],
    ['GB', 1e9],
    ['MB', 1e6],
    ['kB', 1e3],
  ].find(([, size]) => value >= (size as number)) as [string, number] | undefined) ?? ['B', 1]
  return `${value / size >= 100 || unit === 'B' ? (value / size).toFixed(0) : Number((value / size).toFixed(1))} ${unit}`
}

/** 3 d 4 h, 5 min 3 s, 12 s: the two largest parts of so many seconds. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3_600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ]
  const first = parts.findIndex(([amount]) => amount > 0)
  if (first < 0) return '0 s'
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ')
}
