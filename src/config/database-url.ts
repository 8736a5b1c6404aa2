// Parses a database URL as libpq does, with one server or several. postgres.js does not get the URL: it would send unknown parameters to the server.
import { readParameters } from './database-parameters.ts'
import type { Tls } from './database-tls.ts'

/** A database server's address. */
export type Host = { host: string; port: number }

export type DatabaseUrl = {
  /** One or more; localhost if the URL names none. */
  hosts: Host[]
  /** Undefined: postgres.js's default, the role's name. */
  name?: string
  user?: string
  password?: string
  /** Undefined: no TLS. */
  tls?: Tls
  applicationName?: string
  /** Seconds to connect, if the URL sets them. */
  connectWithin?: number
  /** Seconds of silence before the system sends keep-alive probes; 0: never. */
  keepAlive?: number
  /** Server settings in the URL, and the rest of its `options`, which may be for a pooler. */
  settings: Record<string, string>
  options?: string
  /** The URL says that there is a pooler in between. */
  pooled: boolean
  /** Ignored parameters: they have no effect here. */
  ignored: string[]
}

const PORT = 5432

/**
 * Parses `postgres://user:password@a:5432,b/name?sslmode=require`, or with the servers as `?host=a,b&port=5432,5433`. Throws an Error without the
 * value: the end of a sentence that begins with the setting's name.
 */
export function readDatabaseUrl(text: string): DatabaseUrl {
  const [, rest] = /^postgres(?:ql)?:\/\/(.*)$/s.exec(text) ?? []
  if (rest === undefined) throw wrong()
  const at = rest.replace(/\/.*$/s, '').lastIndexOf('@') // a password may have any character but a slash
  const [user = '', ...password] = rest.slice(0, Math.max(at, 0)).split(':')
  const [, servers = '', path = '', query = ''] = /^([^/?]*)([^?]*)\??(.*)$/s.exec(rest.slice(at + 1))!
  const read: DatabaseUrl = {
    hosts: [],
    name: decoded(path.slice(1)) || undefined,
    user: decoded(user) || undefined,
    password: decoded(password.join(':')) || undefined,
    settings: {},
    pooled: false,
    ignored: [],
  }
  const parameters = new Map<string, string>()
  for (const pair of query.split('&').filter((pair) => pair !== '')) {
    const [name = '', ...value] = pair.split('=')
    parameters.set(decoded(name), decoded(value.join('=')))
  }
  read.hosts = hostsOf(parameters.get('host') ?? (servers || 'localhost'), parameters.get('port') ?? '')
  read.name = parameters.get('dbname') || read.name
  read.user = parameters.get('user') || read.user
  read.password = parameters.get('password') || read.password
  for (const name of ['host', 'port', 'dbname', 'user', 'password']) parameters.delete(name)
  readParameters(parameters, read)
  return read
}

/** Parses `a:5432,b,[::1]:5433`; `ports` apply to hosts without a port, one for all or one each. */
export function hostsOf(names: string, ports = ''): Host[] {
  const given = ports.split(',')
  return names.split(',').map((name, index) => {
    const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(name.trim()) ?? []
    const host = bracketed ?? plain
    if (!host) throw wrong()
    const number = Number(port || (given.length > 1 ? given[index] : given[0]) || PORT)
    if (!(number > 0 && number < 65_536)) throw wrong()
    return { host: decoded(host), port: number }
  })
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Error('has a % that does not start a %XX: write a literal % as %25')
  }
}

const wrong = () =>
  new Error('must look like postgres://user:password@host:5432/name, or, with several servers, …@a:5432,b:5432/name')
