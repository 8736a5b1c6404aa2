// The address by which the client reached us, checked before any router reads the URL.

import { isHost } from '../base/host.ts'
import { isLoopback } from '../base/ip.ts'
import { invalid, Problem } from '../base/problem.ts'
import type { Cors } from './cors.ts'
import { forwardedScheme } from './forwarded.ts'

export type Address = { host: string; path: string; origin: string }

/** Routes that a load balancer may probe without a Host, as HTTP/1.0 allows. */
const WITHOUT_HOST = new Set(['/health', '/ready'])

/**
 * The host and path of a request, and its origin as the visitor sees it, according to `proxies` trusted proxies. 400 for a host that is malformed,
 * given twice, or shorter than four characters: Elysia looks for the path from the eleventh character of the URL on, so that with `Host: ab` a
 * request for /q/logs would run /logs. The host is '' if there is none.
 */
export function addressOf(request: Request, proxies = 0): Address {
  const { url, headers } = request
  const given = headers.get('host')
  const start = url.startsWith('/') ? 0 : url.indexOf('/', 8)
  const host = start === 0 ? '' : url.slice(url.indexOf('//') + 2, start)
  if (start === 0 ? given : start < 0 || given?.includes(',') || !isOurs(host) || !URL.canParse(url)) throw noHost()
  const end = url.indexOf('?', start)
  const secure = url.startsWith('https') || forwardedScheme(request, proxies) === 'https'
  return { host, path: end < 0 ? url.slice(start) : url.slice(start, end), origin: `${secure ? 'https' : 'http'}://${host}` }
}

/** 400 for a request without a Host, unless its `route` works without one. */
export function assertHost({ host }: Address, route: string | undefined) {
  if (host === '' && !WITHOUT_HOST.has(route ?? '')) throw noHost()
}

const noHost = () => invalid('Host', 'must name this server')

function isOurs(host: string): boolean {
  const [, name, port] = /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/i.exec(host) ?? []
  return host.length >= 4 && name !== undefined && isHost(name) && !/^:0+$/.test(port ?? '')
}

const FORWARDED = [
  'forwarded',
  'via',
  'x-real-ip',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
]

/**
 * In open mode, everyone who reaches the port may do everything, so no proxy or web page may reach it: 403 for a host that is not loopback (DNS
 * rebinding) and for a forwarded request.
 */
export function assertLoopback({ host }: Address, headers: Headers) {
  const forwarded = FORWARDED.find((name) => headers.has(name))
  if (!isLoopback(host))
    throw new Problem(
      403,
      `without ADMIN_TOKEN this server answers only to localhost, not to ${host}: set ADMIN_TOKEN to use it by that name`,
    )
  if (forwarded)
    throw new Problem(
      403,
      `without ADMIN_TOKEN this server accepts no forwarded requests (${forwarded}): set ADMIN_TOKEN to run it behind a proxy`,
    )
}

/** Methods that change nothing. */
export const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Whether the client used a host name of this machine alone. */
export const isLocal = ({ host }: Address) => isLoopback(host)

const isOwn = (origin: string, { host }: Address, publicUrl: string | undefined) =>
  URL.parse(origin)?.host === host || (publicUrl !== undefined && origin === new URL(publicUrl).origin)

/** 403 for a change by another site's page, unless CORS_ORIGINS lists it, whatever cookies or tokens the browser adds. */
export function assertSameOrigin(address: Address, request: Request, publicUrl: string | undefined, cors?: Cors) {
  const { method, headers } = request
  if (SAFE.has(method) || cors?.admits(request)) return
  const origin = headers.get('origin')
  const site = headers.get('sec-fetch-site')
  const own = origin === null || isOwn(origin, address, publicUrl)
  if (!own || (site !== null && site !== 'same-origin' && site !== 'none'))
    throw new Problem(403, 'a change from a page of another origin is not allowed')
}

/** A change authenticated by a cookie must provably come from our own page: browsers also add the cookie for a page on another port. */
export function assertSentByOwnPage(address: Address, { method, headers }: Request, publicUrl: string | undefined) {
  if (SAFE.has(method)) return
  const origin = headers.get('origin')
  if (origin === null ? headers.get('sec-fetch-site') !== 'same-origin' : !isOwn(origin, address, publicUrl))
    throw new Problem(403, 'a change with a session must prove that it comes from the console: send Origin or Sec-Fetch-Site')
}
