// Parsers of settings, from text to value. Each throws an Error whose message ends a sentence: "must be …".
import { isIP } from 'node:net'
import { isHost, readHost } from '../base/host.ts'
import { rateOf } from '../base/rate.ts'
import { hostsOf, readDatabaseUrl } from './database-url.ts'

export function optional<T>(parse: (value: string | undefined) => T) {
  return (value: string | undefined): T | undefined => (value === undefined ? undefined : parse(value))
}

export function text(value: string | undefined): string {
  if (!value) throw new Error('must not be empty')
  return value
}

export function longToken(value: string | undefined): string {
  if ((value ?? '').length < 16) throw new Error('must have at least 16 characters')
  return value!
}

export function whole(min: number, max: number) {
  return (value: string | undefined): number => {
    const number = Number(value)
    if (!/^\d+$/.test(value?.trim() ?? '') || number < min || number > max)
      throw new Error(`must be a whole number from ${min} to ${max}`)
    return number
  }
}

const countOfProcesses = whole(1, 64)

/** A number of processes, or `auto`. */
export function processes(value: string | undefined): number | 'auto' {
  if (value?.trim().toLowerCase() === 'auto') return 'auto'
  try {
    return countOfProcesses(value)
  } catch (error) {
    throw new Error(`${(error as Error).message}, or auto`)
  }
}

/** A whole number, or a number with units; `units` gives the factor of each, and undefined for unknown ones. */
function measured(min: number, max: number, pattern: RegExp, units: (unit: string) => number | undefined, example: string) {
  return (value: string | undefined): number => {
    const text = (value ?? '').trim()
    if (/^\d+$/.test(text)) return whole(min, max)(text)
    let sum = 0
    for (const [, digits, unit] of pattern.test(text) ? text.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]+)/gi) : [])
      sum += Number(digits) * (units(unit!.toLowerCase()) ?? Number.NaN)
    if (text === '' || !pattern.test(text) || !Number.isInteger(sum) || sum < min || sum > max)
      throw new Error(`must be a whole number from ${min} to ${max}, or like ${example}`)
    return sum
  }
}

const TIMES: [RegExp, number][] = [
  [/^(ms|msecs?|milliseconds?)$/, 0.001],
  [/^(s|secs?|seconds?)$/, 1],
  [/^(m|mins?|minutes?)$/, 60],
  [/^(h|hrs?|hours?)$/, 3_600],
  [/^(d|days?)$/, 86_400],
  [/^(w|weeks?)$/, 604_800],
]
const MEASURES = /^(\d+(\.\d+)?\s*[a-z]+\s*)+$/i
const secondsIn = (unit: string) => TIMES.find(([names]) => names.test(unit))?.[1]

/** `10`, `10s`, `5min`, `1h 30m`, `2d`. */
export const seconds = (min: number, max: number) => measured(min, max, MEASURES, secondsIn, '90s, 5min, 2h or 1d')

/** `30`, `30d`, `4w`. */
export const days = (min: number, max: number) =>
  measured(min, max, MEASURES, (unit) => (secondsIn(unit) ?? Number.NaN) / 86_400, '30d or 4w')

const POWERS = 'kmgtp'

/** kB, MB, GB count in steps of 1,000, as on disks; KiB, MiB, GiB, and k, m, g alone, in steps of 1,024. */
export const bytes = (min: number, max: number) =>
  measured(
    min,
    max,
    /^\d+(\.\d+)?\s*[a-z]+$/i,
    (unit) => {
      if (unit === 'b') return 1
      const [, letter, kind] = /^([kmgtp])(i?b?)$/.exec(unit) ?? []
      return letter ? (kind === 'b' ? 1_000 : 1_024) ** (POWERS.indexOf(letter) + 1) : undefined
    },
    '64MiB, 1GB or 2g',
  )

export function port(value: string | undefined): number {
  return whole(0, 65_535)(value)
}

export const oneOf = <const T extends string>(...values: T[]) =>
  choice(Object.fromEntries(values.map((value) => [value, []])) as unknown as Record<T, string[]>)

/** One of the names, in any case, or one of their aliases. */
export function choice<const T extends string>(values: Record<T, string[]>) {
  const names = Object.keys(values) as T[]
  return (value: string | undefined): T => {
    const given = value?.trim().toLowerCase() ?? ''
    const found = names.find((name) => name === given || values[name].includes(given))
    if (found === undefined) throw new Error(`must be one of ${names.join(', ')}`)
    return found
  }
}

export const onOff = choice({
  on: ['true', 'yes', '1', 'enable', 'enabled'],
  off: ['false', 'no', '0', 'disable', 'disabled'],
})

/** With the names that pino, syslog, Python and others use. */
export const logLevel = choice({
  trace: ['silly', 'finest'],
  debug: ['verbose', 'fine'],
  info: ['information', 'informational', 'notice'],
  warn: ['warning'],
  error: ['err', 'severe'],
  fatal: ['critical', 'crit', 'alert', 'emerg', 'emergency', 'panic'],
})

export function hosts(value: string | undefined): string[] {
  const list = (value ?? '').split(',').map((host) => host.trim())
  const bad = list.find((host) => host !== '' && !readHost(host))
  if (bad !== undefined) throw new Error('must be a list of hosts: go.example.com,localhost:8080')
  return list.filter((host) => host !== '')
}

export function webUrl(value: string | undefined): string {
  const url = URL.parse(value ?? '')
  if (!url || !/^https?:$/.test(url.protocol) || !hasUsableHost(url)) throw new Error('must be an http or https URL')
  return url.href.replace(/\/$/, '')
}

export function origin(value: string | undefined): string {
  const url = URL.parse(value ?? '')
  if (!url || !/^https?:$/.test(url.protocol) || `${url.origin}/` !== url.href || !hasUsableHost(url))
    throw new Error('must be http or https, a host and a port, without a path: http://10.0.0.5:8080')
  return url.origin
}

const hasUsableHost = ({ hostname, port }: URL) => isHost(hostname) && port !== '0'

export function hostName(value: string | undefined): string {
  const host = value ?? ''
  if (!isIP(host) && readHost(host)?.port !== '') throw new Error('must be the name or the address of a host, without a port')
  return host
}

export function mailbox(value: string | undefined): string {
  if (!/^[^\s@<>,;"]{1,64}@[^\s@<>,;"]{1,189}$/.test(value ?? ''))
    throw new Error('must be an e-mail address: waypost@example.com')
  return value!
}

export function mailboxes(value: string | undefined): string[] {
  return (value ?? '').split(',').map((one) => mailbox(one.trim()))
}

/** Kept exactly as given: its path may contain a signature. */
export function webhook(value: string | undefined): string {
  const url = URL.parse(value ?? '')
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || !hasUsableHost(url))
    throw new Error('must be an http or https URL, without user and password')
  return url.href
}

export function rate(value: string | undefined): string {
  rateOf(value ?? '')
  return value!.toLowerCase()
}

export function origins(value: string | undefined): string[] {
  const list = (value ?? '').split(',').map((one) => one.trim())
  for (const one of list)
    if (!(/^https?:/i.test(one) ? URL.parse(one)?.origin === one && !one.includes('*') : isAppOrigin(one)))
      throw new Error(
        'must be exact origins as browsers send them, https://app.example.com, chrome-extension://name or null, separated by commas, without a slash at the end; * is not allowed',
      )
  return list
}

/** The origin of an extension or an app, as browsers send it, or `null` for a page without one (a file, a sandboxed frame). */
const isAppOrigin = (text: string) =>
  text === 'null' ||
  text === 'file://' ||
  (/^[a-z][a-z0-9+.-]*:\/\/[\w.:[\]-]+$/.test(text) && !/^(ftp|file|wss?|data|blob|javascript|about):/.test(text))

export function redisUrl(value: string | undefined): string {
  if (!/^(redis|rediss|valkey|valkeys):\/\/./.test(value ?? '') || !isUrl(value!))
    throw new Error('must look like redis://host:6379')
  return value!
}

/** Whether Bun's client will be able to parse it, and to decode user and password. */
function isUrl(value: string): boolean {
  try {
    const { username, password } = new URL(value)
    return typeof decodeURIComponent(username + password) === 'string'
  } catch {
    return false
  }
}

export function databaseUrl(value: string | undefined): string {
  readDatabaseUrl(value ?? '')
  return value!
}

export function databaseHosts(value: string | undefined): string {
  hostsOf(value ?? '')
  return value!
}
