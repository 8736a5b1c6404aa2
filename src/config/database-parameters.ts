// The query parameters of DATABASE_URL, as libpq defines them: each is used, ignored if it has no effect here, or refused.
import { readFileSync } from 'node:fs'
import { causeOf } from '../base/file-error.ts'
import type { Tls } from './database-tls.ts'
import type { DatabaseUrl } from './database-url.ts'

type Reader = (value: string, url: DatabaseUrl, all: Map<string, string>) => void

/** Ignored: they concern keep-alives that work otherwise here, credentials that are not used, and other programs. */
const IGNORED = [
  'keepalives_interval',
  'keepalives_count',
  'tcp_user_timeout',
  'load_balance_hosts',
  'sslcompression',
  'sslcertmode',
  'krbsrvname',
  'krblogin',
  'gsslib',
  'gssdelegation',
  'fallback_application_name',
  'connection_limit',
  'pool_timeout',
  'statement_cache_size',
]

/** Seconds. */
const MAX_CONNECT_TIMEOUT = 60

/** Reads them into `url`. Throws an Error that names the parameter: the end of a sentence that begins with the setting's name. */
export function readParameters(parameters: Map<string, string>, url: DatabaseUrl) {
  url.tls = tlsOf(parameters)
  for (const [name, value] of parameters) {
    if (TLS.has(name)) continue
    if (IGNORED.includes(name)) url.ignored.push(name)
    else if (Object.hasOwn(READERS, name)) READERS[name]!(value, url, parameters)
    else
      throw new Error(
        `has the parameter ${shortened(name)}, which waypost does not know: remove it; write a server setting as options=-c%20name%3Dvalue`,
      )
  }
}

const READERS: Record<string, Reader> = {
  application_name: (value, url) => (url.applicationName = value || undefined),
  connect_timeout(value, url) {
    const seconds = Number(value)
    if (!Number.isInteger(seconds)) throw unlike('connect_timeout', 'a number of seconds')
    if (seconds > 0) url.connectWithin = Math.min(Math.max(seconds, 2), MAX_CONNECT_TIMEOUT)
    else url.ignored.push('connect_timeout')
  },
  keepalives: (value, url) => value === '0' && (url.keepAlive = 0),
  keepalives_idle(value, url, all) {
    const seconds = Number(value)
    if (!Number.isInteger(seconds) || seconds < 0) throw unlike('keepalives_idle', 'a number of seconds')
    if (seconds > 0 && all.get('keepalives') !== '0') url.keepAlive = seconds
  },
  options: (value, url) => readOptions(value, url),
  search_path: (value, url) => (url.settings.search_path = value),
  client_encoding: (_, url) => url.ignored.push('client_encoding'),
  target_session_attrs(value) {
    if (!/^(read-write|primary|any)$/.test(value))
      throw new Error('must not require a standby (target_session_attrs): waypost writes to the database')
  },
  channel_binding(value, url) {
    if (!/^(disable|prefer|require)$/.test(value)) throw unlike('channel_binding', 'disable, prefer or require')
    if (value === 'require' && !url.tls) throw new Error('has channel_binding=require, which needs TLS: add sslmode=require')
    if (value === 'prefer') url.ignored.push('channel_binding')
  },
  gssencmode(value, url) {
    if (!/^(disable|prefer)$/.test(value)) throw unsupported('gssencmode', 'encrypt with TLS, with sslmode')
    url.ignored.push('gssencmode')
  },
  pgbouncer: (value, url) => (url.pooled = value === 'true' || url.pooled),
  prepare: (value, url) => (url.pooled = value === 'false' || url.pooled),
  replication(value, url) {
    if (!/^(false|off|no|0)$/.test(value)) throw unsupported('replication', 'remove it')
    url.ignored.push('replication')
  },
  hostaddr: () => refuse('hostaddr', 'name the address as the host'),
  service: () => refuse('service', 'put the values of the service file into the URL'),
  servicefile: () => refuse('servicefile', 'put its values into the URL'),
  passfile: () => refuse('passfile', 'use DATABASE_PASSWORD, or DATABASE_PASSWORD_FILE with nothing but the password in it'),
  requirepeer: () => refuse('requirepeer', 'remove it'),
  require_auth: () => refuse('require_auth', 'remove it, or use channel_binding=require'),
  schema: (value) => refuse('schema', `use options=-csearch_path%3D${shortened(encodeURIComponent(value))}`),
}

const TLS = new Set([
  'ssl',
  'sslmode',
  'requiressl',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslpassword',
  'sslcrl',
  'sslcrldir',
  'sslsni',
  'sslnegotiation',
  'ssl_min_protocol_version',
  'ssl_max_protocol_version',
])
const MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']
const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const

function tlsOf(parameters: Map<string, string>): Tls | undefined {
  const get = (name: string) => parameters.get(name) || undefined
  for (const name of ['sslcrl', 'sslcrldir']) if (get(name)) throw unsupported(name, 'remove it')
  const root = get('sslrootcert')
  const asked = root === 'system' ? 'verify-full' : (get('sslmode') ?? byOtherNames(get('ssl'), get('requiressl')))
  if (asked !== undefined && !MODES.includes(asked)) throw unlike('sslmode', MODES.join(', '))
  const direct = get('sslnegotiation') === 'direct'
  const mode = asked ?? (direct ? 'require' : 'disable')
  if (mode === 'disable') return undefined
  const cert = get('sslcert')
  const key = get('sslkey')
  if ((cert === undefined) !== (key === undefined)) throw new Error('must have sslcert and sslkey together, or neither')
  const verified = mode === 'verify-full' ? 'full' : mode === 'verify-ca' || (mode === 'require' && root) ? 'ca' : undefined
  return {
    optional: mode === 'allow' || mode === 'prefer',
    verify: verified,
    ca: verified && root && root !== 'system' ? fileOf('sslrootcert', root) : undefined,
    system: root === 'system',
    cert: cert && fileOf('sslcert', cert),
    key: key && fileOf('sslkey', key),
    passphrase: get('sslpassword'),
    serverName: get('sslsni') !== '0',
    direct,
    minVersion: versionOf('ssl_min_protocol_version', get('ssl_min_protocol_version')),
    maxVersion: versionOf('ssl_max_protocol_version', get('ssl_max_protocol_version')),
    bound: get('channel_binding') === 'require',
  }
}

/** `ssl=true` of JDBC and libpq URLs, or one of sslmode's values. */
function byOtherNames(ssl: string | undefined, requiressl: string | undefined): string | undefined {
  if (ssl === undefined) return requiressl === '1' ? 'require' : undefined
  if (/^(true|1)$/.test(ssl)) return 'require'
  return /^(false|0)$/.test(ssl) ? 'disable' : ssl
}

function versionOf(name: string, value: string | undefined) {
  const found = VERSIONS.find((version) => version === value)
  if (value !== undefined && !found) throw unlike(name, VERSIONS.join(', '))
  return found
}

function fileOf(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new Error(`has ${name}=${file}, which cannot be read: ${causeOf(error)}`)
  }
}

/** Settings are `-c name=value`, `-cname=value` and `--name=value`; the rest, such as a pooler's `endpoint=…`, is passed to the server. */
function readOptions(value: string, url: DatabaseUrl) {
  const words = (value.match(/(?:\\.|[^\s\\])+/gs) ?? []).map((word) => word.replace(/\\(.)/gs, '$1'))
  const rest: string[] = []
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const setting = word === '-c' ? (words.shift() ?? '') : (/^-c(.+)$/s.exec(word)?.[1] ?? /^--(.+)$/s.exec(word)?.[1])
    const [, name, given] = /^([A-Za-z_][\w.-]*)=(.*)$/s.exec(setting ?? '') ?? []
    if (name !== undefined) url.settings[name.replaceAll('-', '_')] = given!
    else if (setting !== undefined) throw new Error('has invalid options: write each as -c name=value')
    else rest.push(word)
  }
  if (rest.length > 0) url.options = rest.join(' ')
}

const shortened = (text: string) => text.replace(/[^\w.%-]/g, '?').slice(0, 60)
const unlike = (name: string, like: string) => new Error(`has a ${name} that is not ${like}`)
const unsupported = (name: string, instead: string) => new Error(`has ${name}, which waypost does not support: ${instead}`)
function refuse(name: string, instead: string): never {
  throw unsupported(name, instead)
}
