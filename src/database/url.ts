// A database's URL as libpq and postgres.js write it, with one server or several.
import type { Host } from './servers.ts'

export type DatabaseUrl = {
  /** One or more; localhost where the URL names none. */
  hosts: Host[]
  /** The same URL with the first server alone. */
  url: string
}

const PORT = 5432

/**
 * Takes apart `postgres://user:password@a:5432,b/name`, or the servers as `?host=a,b&port=5432,5433`. `target_session_attrs` is left out of
 * the URL, because src/database/servers.ts finds the server. Throws an Error, without the value, for what cannot be used.
 */
export function readDatabaseUrl(text: string): DatabaseUrl {
  const [, scheme, authority, path = '', query = ''] = /^(postgres(?:ql)?:\/\/)([^/?#]*)([^?#]*)\??([^#]*)/s.exec(text) ?? []
  if (scheme === undefined) throw wrong()
  const at = authority!.lastIndexOf('@') + 1
  const parameters = new URLSearchParams(query)
  const wants = parameters.get('target_session_attrs') ?? 'read-write'
  if (!/^(read-write|primary|any)$/.test(wants)) throw new Error('must not ask for a standby: waypost writes')
  const named = parameters.get('host')
  const hosts = hostsOf(named ?? (authority!.slice(at) || 'localhost'), parameters.get('port') ?? '')
  for (const name of ['target_session_attrs', ...(named === null ? [] : ['host', 'port'])]) parameters.delete(name)
  const rest = parameters.size > 0 ? `?${parameters}` : ''
  const url = `${scheme}${authority!.slice(0, at)}${inUrl(hosts[0]!)}${path}${rest}`
  const parsed = URL.parse(url)
  if (!parsed) throw wrong()
  try {
    decodeURIComponent(parsed.username + parsed.password)
  } catch {
    throw wrong()
  }
  return { hosts, url }
}

/** `a:5432,b,[::1]:5433`; `ports` are given where the names have none, one for all or one each. */
export function hostsOf(names: string, ports = ''): Host[] {
  const given = ports.split(',')
  return names.split(',').map((name, place) => {
    const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(name.trim()) ?? []
    const host = bracketed ?? plain
    if (!host) throw wrong()
    const number = Number(port || (given.length > 1 ? given[place] : given[0]) || PORT)
    if (!(number > 0 && number < 65_536)) throw wrong()
    return { host: decodeURIComponent(host), port: number }
  })
}

const inUrl = ({ host, port }: Host) =>
  host.startsWith('/') ? encodeURIComponent(host) : `${host.includes(':') ? `[${host}]` : host}:${port}`

const wrong = () =>
  new Error('must look like postgres://user:password@host:5432/name, or with several servers, …@a:5432,b:5432/name')
