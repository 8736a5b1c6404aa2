// What each kind of setting may be: from its text to its value. Each throws what the text must be, as the end of a sentence.
import { hostsOf, readDatabaseUrl } from './database/url.ts'
import { readHost } from './http/host.ts'
import { rateOf } from './limits/rate.ts'

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
    if (!/^\d+$/.test(value ?? '') || number < min || number > max)
      throw new Error(`must be a whole number from ${min} to ${max}`)
    return number
  }
}

export function port(value: string | undefined): number {
  return whole(0, 65_535)(value)
}

export function oneOf<const T extends string>(...values: T[]) {
  return (value: string | undefined): T => {
    const found = values.find((allowed) => allowed === value?.toLowerCase())
    if (found === undefined) throw new Error(`must be one of ${values.join(', ')}`)
    return found
  }
}

export function hosts(value: string | undefined): string[] {
  const list = (value ?? '').split(',').map((host) => host.trim())
  const bad = list.find((host) => host !== '' && !readHost(host))
  if (bad !== undefined) throw new Error('must be a list of hosts, go.example.com,localhost:8080')
  return list.filter((host) => host !== '')
}

export function webUrl(value: string | undefined): string {
  const url = URL.parse(value ?? '')
  if (!url || !/^https?:$/.test(url.protocol)) throw new Error('must be an http or https URL')
  return url.href.replace(/\/$/, '')
}

export function origin(value: string | undefined): string {
  const url = URL.parse(value ?? '')
  if (!url || !/^https?:$/.test(url.protocol) || `${url.origin}/` !== url.href)
    throw new Error('must be http or https, a host and a port, without a path: http://10.0.0.5:8080')
  return url.origin
}

export function hostName(value: string | undefined): string {
  if (!/^[A-Za-z0-9._:-]{1,255}$/.test(value ?? '')) throw new Error('must be the name or the address of a host, without a port')
  return value!
}

export function mailbox(value: string | undefined): string {
  if (!/^[^\s@<>,;"]{1,64}@[^\s@<>,;"]{1,189}$/.test(value ?? ''))
    throw new Error('must be an e-mail address: waypost@example.com')
  return value!
}

export function mailboxes(value: string | undefined): string[] {
  return (value ?? '').split(',').map((one) => mailbox(one.trim()))
}

/** Exactly as given: it may be signed in its path. */
export function webhook(value: string | undefined): string {
  const url = URL.parse(value ?? '')
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password)
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
    if (!/^https?:[^*]+$/.test(one) || URL.parse(one)?.origin !== one)
      throw new Error('must be exact origins, https://app.example.com, separated by commas; * is not taken')
  return list
}

export function redisUrl(value: string | undefined): string {
  if (!/^(redis|rediss|valkey|valkeys):\/\/./.test(value ?? '') || !isUrl(value!))
    throw new Error('must look like redis://host:6379')
  return value!
}

/** Whoever uses it parses it, and decodes what is in it. */
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
