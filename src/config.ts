// Every setting, once: its name, default, parser and help. This table makes the flags, `waypost config`, .env.example and docs/configuration.md.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { hostsOf, readDatabaseUrl } from './database/url.ts'
import { readHost } from './http/host.ts'
import { rateOf } from './limits/rate.ts'
import { webhookKind } from './notices/webhook.ts'

export const settings = {
  PORT: setting('8080', port, 'Port to listen on.'),
  HOST: setting('127.0.0.1', text, 'Address to listen on.'),
  DATA_DIR: setting('./data', text, 'Folder for the embedded database and everything else that is kept.'),
  DATABASE_URL: secret(
    optional(databaseUrl),
    'PostgreSQL to use, postgres://user:password@host:5432/name; of several servers, a:5432,b:5432, the one that takes writes. Unset, with no DATABASE_* set: the embedded one.',
  ),
  DATABASE_HOST: setting(
    undefined,
    optional(databaseHosts),
    'Host of PostgreSQL, or several with commas; localhost where another DATABASE_* is set.',
  ),
  DATABASE_PORT: setting(undefined, optional(port), 'Port of PostgreSQL; 5432 where another DATABASE_* is set.'),
  DATABASE_NAME: setting(undefined, optional(text), 'Database; waypost where another DATABASE_* is set.'),
  DATABASE_USER: setting(undefined, optional(text), 'Role; postgres where another DATABASE_* is set.'),
  DATABASE_PASSWORD: secret(optional(text), 'Password of the role.'),
  DATABASE_POOL: setting('10', whole(1, 200), 'Connections to an external PostgreSQL, for each replica.'),
  SEED_DIR: setting(
    undefined,
    optional(text),
    'Folder with users.csv, urls.csv, events.csv: fills an empty database on first boot; POST …/bulk may name its files.',
  ),
  PUBLIC_URL: setting(
    undefined,
    optional(webUrl),
    'Base of every short_url, as visitors see it. Unset: the Host of the request.',
  ),
  OWN_HOSTS: setting(
    undefined,
    hosts,
    'Other names of this service, a comma between them: links must not lead back to them. Without a port, every port is meant.',
  ),
  PRIVATE_TARGETS: setting(
    'allow',
    oneOf('allow', 'refuse'),
    'refuse: new links may not lead to loopback, private or link-local addresses, nor to names that only a local network knows.',
  ),
  BLOCKLIST_FILE: setting(
    undefined,
    optional(text),
    'File of hosts that no link may lead to, one a line, beside those of /api/blocklist. Read again when it changes, and at SIGHUP.',
  ),
  ADVERTISE_URL: setting(
    undefined,
    optional(origin),
    'Where the other replicas reach this one: http://10.0.0.5:8080. Unset: HOST and PORT; where HOST is every address, the one that leads to the database.',
  ),
  FLEET_TOKEN: secret(
    optional(longToken),
    'Secret, at least 16 characters and alike on all replicas, that signs what they ask each other. Unset: made from what they share already.',
  ),
  LANDING_URL: setting(undefined, optional(webUrl), 'Where / leads. Unset: to the console.'),
  HSTS_MAX_AGE: setting(
    undefined,
    optional(whole(0, 63_072_000)),
    'Seconds that browsers are told to use nothing but https here (Strict-Transport-Security), where TLS ends in front. Unset: not told.',
  ),
  INACTIVE_STATUS: setting('404', oneOf('404', '410'), 'Status for a link that is not active: 404 or 410.'),
  ADMIN_TOKEN: secret(
    optional(longToken),
    'Token of the operator, at least 16 characters: Authorization: Bearer. Unset: open mode, on loopback only.',
  ),
  METRICS_TOKEN: secret(
    optional(longToken),
    'Token for Prometheus, at least 16 characters: it may read /metrics and nothing else, like an API key of scope metrics.',
  ),
  AUTH: setting('on', oneOf('on', 'off'), 'off: everybody who reaches the port may do everything. On purpose only.'),
  SECOND_TIER: setting(
    'edge',
    oneOf('edge', 'valkey', 'none'),
    'What answers redirects behind the memory cache: a copy of every link on this machine, a shared Valkey at REDIS_URL, or nothing.',
  ),
  REDIS_URL: secret(
    optional(redisUrl),
    'Valkey or Redis, redis://[:password@]host:6379. Replicas share rate limits through it; as a cache it is used with SECOND_TIER=valkey only.',
  ),
  CACHE_ENTRIES: setting('100000', whole(1, 10_000_000), 'Links the memory cache holds at most.'),
  CACHE_BYTES: setting(String(64 * 1024 ** 2), whole(1024, 2 ** 34), 'Memory that they take at most.'),
  MAX_STALENESS: setting(
    '5',
    whole(1, 3_600),
    'Seconds that caches may lag behind before a reachable database is asked instead.',
  ),
  STALE_LIMIT: setting(
    undefined,
    optional(whole(1, 31_536_000)),
    'Seconds after which a replica cut off from the database answers 503 instead of what it last knew. Unset: never.',
  ),
  EDGE_MAX_AGE: setting(
    '86400',
    whole(1, 31_536_000),
    'Seconds that a copy may be old to be used at a start without the database.',
  ),
  TRUSTED_PROXIES: setting(
    '0',
    whole(0, 10),
    'Proxies in front, each adding to X-Forwarded-For: the visitor is counted from the right.',
  ),
  RATE_CREATE: setting(
    undefined,
    optional(rate),
    'Changes by the API that a key, or without one an address, may make: 60/min, 10/s, off. Unset: 300/min, and none in open mode.',
  ),
  RATE_READ: setting(undefined, optional(rate), 'The same of reads. Unset: 1200/min, and none in open mode.'),
  RATE_SIGN_IN: setting(undefined, optional(rate), 'Wrong credentials from one address. Unset: 10/min, and none in open mode.'),
  RATE_UNKNOWN: setting(
    undefined,
    optional(rate),
    'Codes asked for by one address that no link has. Unset: 60/min, and none in open mode.',
  ),
  RATE_REDIRECT: setting(
    undefined,
    optional(rate),
    'Redirects of one address, of known links too. Unset: no limit. Slows down who tries out codes, and everybody behind one address.',
  ),
  CORS_ORIGINS: setting(
    undefined,
    optional(origins),
    'Origins whose web pages may use the API, with a key of theirs and never with cookies: https://app.example.com, by commas. Unset: none.',
  ),
  VISITOR_ADDRESS: setting(
    'network',
    oneOf('network', 'full', 'none'),
    'What is kept of a visitor’s address: its network (/24, /48), all of it, or nothing.',
  ),
  JOURNAL_KEEP: setting(
    '600',
    whole(0, 86_400),
    'Seconds that stored clicks stay in the journal, for a database that loses them in a failover.',
  ),
  JOURNAL_MAX_BYTES: setting(
    String(2 * 1024 ** 3),
    whole(8 * 1024 ** 2, 2 ** 40),
    'What the click journal may take on disk: 2 GiB are ten million clicks of outage.',
  ),
  EVENTS_KEEP_DAYS: setting(
    undefined,
    optional(whole(1, 36_500)),
    'Days that events are kept, dropped by whole months; statistics and totals stay. Unset: for ever.',
  ),
  DISK_FREE_MIN: setting(
    String(1024 ** 3),
    whole(0, 2 ** 50),
    'Bytes that are to stay free under DATA_DIR: with less the alert disk_space fires, before journal, edge copy or embedded database run out. 0: never.',
  ),
  SMTP_HOST: setting(
    undefined,
    optional(hostName),
    'Mail server for notices of alerts, with ALERT_EMAIL_FROM and ALERT_EMAIL_TO. Unset: none go by e-mail.',
  ),
  SMTP_PORT: setting(
    '587',
    whole(1, 65_535),
    'Its port. 465 speaks TLS from the start, others by STARTTLS where offered, and always before a password unless on loopback.',
  ),
  SMTP_USER: setting(undefined, optional(text), 'User that the mail server knows, with SMTP_PASSWORD. Unset: no sign-in.'),
  SMTP_PASSWORD: secret(optional(text), 'The user’s password.'),
  ALERT_EMAIL_FROM: setting(undefined, optional(mailbox), 'Sender of notices: waypost@example.com.'),
  ALERT_EMAIL_TO: setting(undefined, optional(mailboxes), 'Who gets notices of alerts, a comma between them.'),
  ALERT_WEBHOOK_URL: secret(
    optional(webhook),
    'Where notices of alerts are posted: a webhook of Discord or Slack, or any other, which gets JSON that is signed.',
  ),
  ALERT_WEBHOOK_SECRET: secret(
    optional(longToken),
    'Key, at least 16 characters, that signs notices (HMAC-SHA-256, as Standard Webhooks); wanted unless the webhook is Discord’s or Slack’s.',
  ),
  RUNBOOK_URL: setting(
    undefined,
    optional(webUrl),
    'Page that notices link to, with #name-of-the-alert behind it. Unset: they name docs/runbook.md.',
  ),
  CHAOS_TOKEN: secret(optional(text), 'Arms /chaos: the X-Chaos-Token header must equal it. Unset: /chaos always answers 401.'),
  LOG_LEVEL: setting(
    'info',
    oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal'),
    'Lines of this level and above go to standard output. Read again at SIGHUP.',
  ),
  DRAIN_WAIT: setting('1', whole(0, 60), 'Seconds between "not ready" and closing the port, for the balancer to notice.'),
} as const

export type Name = keyof typeof settings
type Value<N extends Name> = ReturnType<(typeof settings)[N]['parse']>
export type Source = 'flag' | 'environment' | 'file' | 'default'

/** The effective values, and where each came from. */
export type Config = { [N in Name]: Value<N> } & { sources: Record<Name, Source> }

/** A value that stops the start; its message is one sentence for the operator. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

/**
 * Resolves every setting: flag > environment (then --env-file) > NAME_FILE > credential of systemd > default. Throws ConfigError naming the setting.
 * An empty value counts as unset, as in a compose file.
 */
export function readConfig(
  flags: Partial<Record<Name, string>> = {},
  env: Record<string, string | undefined> = process.env,
): Config {
  const config: Record<string, unknown> = {}
  const sources: Record<string, Source> = {}
  for (const [name, { parse }] of Object.entries(settings)) {
    const found = find(name as Name, flags, env)
    sources[name] = found.source
    try {
      config[name] = (parse as (value: string | undefined) => unknown)(found.value)
    } catch (error) {
      throw new ConfigError(
        `${name} ${(error as Error).message}${settings[name as Name].secret ? '' : ` (it is ${JSON.stringify(found.value)})`}`,
      )
    }
  }
  assertNoticesWhole(config as Config)
  return { ...config, sources } as Config
}

/** Half a way for notices would be found out when the first one is due. */
function assertNoticesWhole(config: Config) {
  const { SMTP_HOST, ALERT_EMAIL_FROM, ALERT_EMAIL_TO, SMTP_USER, SMTP_PASSWORD } = config
  const { ALERT_WEBHOOK_URL, ALERT_WEBHOOK_SECRET } = config
  assertTogether({ SMTP_HOST, ALERT_EMAIL_FROM, ALERT_EMAIL_TO })
  assertTogether({ SMTP_USER, SMTP_PASSWORD })
  if (ALERT_WEBHOOK_URL && !ALERT_WEBHOOK_SECRET && webhookKind(ALERT_WEBHOOK_URL) === 'webhook')
    throw new ConfigError(
      'ALERT_WEBHOOK_SECRET must be set: ALERT_WEBHOOK_URL is neither Discord’s nor Slack’s, so notices are signed',
    )
}

function assertTogether(some: Record<string, unknown>) {
  const names = Object.keys(some)
  const missing = names.filter((name) => some[name] === undefined)
  if (missing.length > 0 && missing.length < names.length)
    throw new ConfigError(
      `${missing.join(' and ')} must be set too: ${names.join(', ').replace(/, (\w+)$/, ' and $1')} are used together, or not at all`,
    )
}

/** The variables of a file in dotenv form, for --env-file. Throws ConfigError. */
export function readEnvFile(file: string): Record<string, string | undefined> {
  return parseEnv(readText(file, '--env-file'))
}

/** `PORT` -> `--port`. */
export const flagOf = (name: string) => `--${name.toLowerCase().replaceAll('_', '-')}`

/** True where any DATABASE_* setting (the pool's size aside) asks for a PostgreSQL outside. */
export const isExternal = (config: Config) =>
  [
    config.DATABASE_URL,
    config.DATABASE_HOST,
    config.DATABASE_PORT,
    config.DATABASE_NAME,
    config.DATABASE_USER,
    config.DATABASE_PASSWORD,
  ].some((value) => value !== undefined)

/** A setting's value as it may be shown: secrets are redacted, a URL's password too. */
export function shown(name: Name, config: Config): string | undefined {
  const value = config[name]
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return undefined
  return settings[name].secret ? '(set, not shown)' : String(value)
}

function find(
  name: Name,
  flags: Partial<Record<Name, string>>,
  env: Record<string, string | undefined>,
): { value: string | undefined; source: Source } {
  if (flags[name] !== undefined) return { value: flags[name], source: 'flag' }
  if (env[name]) return { value: env[name], source: 'environment' }
  const file = env[`${name}_FILE`]
  if (file) return { value: readText(file, `${name}_FILE`).trim(), source: 'file' }
  const credential = credentialOf(name, env.CREDENTIALS_DIRECTORY)
  if (credential) return { value: credential, source: 'file' }
  return { value: settings[name].default, source: 'default' }
}

/** Loaded by systemd: LoadCredential=NAME:FILE, or LoadCredential=waypost:FOLDER for all files of a folder, which come as waypost_NAME. */
function credentialOf(name: Name, folder: string | undefined): string | undefined {
  const file = folder && [name, `waypost_${name}`].map((one) => join(folder, one)).find((one) => existsSync(one))
  return file ? readText(file, 'CREDENTIALS_DIRECTORY').trim() : undefined
}

function readText(file: string, from: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new ConfigError(`${from} names a file that cannot be read: ${file} (${(error as NodeJS.ErrnoException).code})`)
  }
}

function setting<T>(byDefault: string | undefined, parse: (value: string | undefined) => T, help: string) {
  return { default: byDefault, parse, help, secret: false }
}

function secret<T>(parse: (value: string | undefined) => T, help: string) {
  return { default: undefined, parse, help, secret: true }
}

function optional<T>(parse: (value: string | undefined) => T) {
  return (value: string | undefined): T | undefined => (value === undefined ? undefined : parse(value))
}

function text(value: string | undefined): string {
  if (!value) throw new Error('must not be empty')
  return value
}

function longToken(value: string | undefined): string {
  if ((value ?? '').length < 16) throw new Error('must have at least 16 characters')
  return value!
}

function whole(min: number, max: number) {
  return (value: string | undefined): number => {
    const number = Number(value)
    if (!/^\d+$/.test(value ?? '') || number < min || number > max)
      throw new Error(`must be a whole number from ${min} to ${max}`)
    return number
  }
}

function port(value: string | undefined): number {
  return whole(0, 65_535)(value)
}

function oneOf<const T extends string>(...values: T[]) {
  return (value: string | undefined): T => {
    const found = values.find((allowed) => allowed === value?.toLowerCase())
    if (found === undefined) throw new Error(`must be one of ${values.join(', ')}`)
    return found
  }
}

function hosts(value: string | undefined): string[] {
  const list = (value ?? '').split(',').map((host) => host.trim())
  const bad = list.find((host) => host !== '' && !readHost(host))
  if (bad !== undefined) throw new Error('must be a list of hosts, go.example.com,localhost:8080')
  return list.filter((host) => host !== '')
}

function webUrl(value: string | undefined): string {
  const url = URL.parse(value ?? '')
  if (!url || !/^https?:$/.test(url.protocol)) throw new Error('must be an http or https URL')
  return url.href.replace(/\/$/, '')
}

function origin(value: string | undefined): string {
  const url = URL.parse(value ?? '')
  if (!url || !/^https?:$/.test(url.protocol) || `${url.origin}/` !== url.href)
    throw new Error('must be http or https, a host and a port, without a path: http://10.0.0.5:8080')
  return url.origin
}

function hostName(value: string | undefined): string {
  if (!/^[A-Za-z0-9._:-]{1,255}$/.test(value ?? '')) throw new Error('must be the name or the address of a host, without a port')
  return value!
}

function mailbox(value: string | undefined): string {
  if (!/^[^\s@<>,;"]{1,64}@[^\s@<>,;"]{1,189}$/.test(value ?? ''))
    throw new Error('must be an e-mail address: waypost@example.com')
  return value!
}

function mailboxes(value: string | undefined): string[] {
  return (value ?? '').split(',').map((one) => mailbox(one.trim()))
}

/** Exactly as given: it may be signed in its path. */
function webhook(value: string | undefined): string {
  const url = URL.parse(value ?? '')
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password)
    throw new Error('must be an http or https URL, without user and password')
  return url.href
}

function rate(value: string | undefined): string {
  rateOf(value ?? '')
  return value!.toLowerCase()
}

function origins(value: string | undefined): string[] {
  const list = (value ?? '').split(',').map((one) => one.trim())
  for (const one of list)
    if (!/^https?:[^*]+$/.test(one) || URL.parse(one)?.origin !== one)
      throw new Error('must be exact origins, https://app.example.com, separated by commas; * is not taken')
  return list
}

function redisUrl(value: string | undefined): string {
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

function databaseUrl(value: string | undefined): string {
  readDatabaseUrl(value ?? '')
  return value!
}

function databaseHosts(value: string | undefined): string {
  hostsOf(value ?? '')
  return value!
}
