// How the client reached us, checked before any router looks at the URL.
import type { Cors } from './cors.ts'
import { invalid, Problem } from './problem.ts'

export type Address = { host: string; path: string; origin: string }

/**
 * The host and path of a request. 400 for a host that is absent, malformed, or shorter than four characters: Elysia looks for the path
 * from the eleventh character of the URL on, so that with `Host: ab` a request for /q/logs would run /logs.
 */
export function addressOf({ url, headers }: Request): Address {
  const start = url.indexOf('/', 8)
  const host = url.slice(url.indexOf('//') + 2, start)
  const shaped = start >= 0 && host.length >= 4 && /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/i.test(host)
  if (url.startsWith('/') || !shaped || !URL.canParse(url)) throw invalid('Host', 'must name this server') // a port 99999 has the shape too
  const end = url.indexOf('?', start)
  const secure = headers.get('x-forwarded-proto') === 'https' || url.startsWith('https')
  return { host, path: end < 0 ? url.slice(start) : url.slice(start, end), origin: `${secure ? 'https' : 'http'}://${host}` }
}

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i
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
 * In open mode whoever reaches the port may do everything, so nobody must reach it by way of a proxy or a web page: 403 for a host that
 * is not loopback (DNS rebinding) and for a forwarded request.
 */
export function assertLoopback({ host }: Address, headers: Headers) {
  const forwarded = FORWARDED.find((name) => headers.has(name))
  if (!LOOPBACK.test(host))
    throw new Problem(
      403,
      `without ADMIN_TOKEN this server answers to localhost only, not to ${host}: set ADMIN_TOKEN to use it by that name`,
    )
  if (forwarded)
    throw new Problem(
      403,
      `without ADMIN_TOKEN this server takes no forwarded requests (${forwarded}): set ADMIN_TOKEN to run it behind a proxy`,
    )
}

/** Methods that change nothing. */
export const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Whether the client came by a name that only this machine has. */
export const isLoopback = ({ host }: Address) => LOOPBACK.test(host)

const isOwn = (origin: string, { host }: Address, publicUrl: string | undefined) =>
  URL.parse(origin)?.host === host || (publicUrl !== undefined && origin === new URL(publicUrl).origin)

/** A change asked for by another site's page, unless CORS_ORIGINS lists it, is 403, whatever cookies or tokens the browser adds. */
export function assertSameOrigin(address: Address, request: Request, publicUrl: string | undefined, cors?: Cors) {
  const { method, headers } = request
  if (SAFE.has(method) || cors?.admits(request)) return
  const origin = headers.get('origin')
  const site = headers.get('sec-fetch-site')
  const own = origin === null || isOwn(origin, address, publicUrl)
  if (!own || (site !== null && site !== 'same-origin' && site !== 'none'))
    throw new Problem(403, 'a change from a page of another origin is not allowed')
}

/** A change that rests on a cookie must be known to come from our own page: browsers add a cookie unasked, also for another port's page. */
export function assertSentByOwnPage(address: Address, { method, headers }: Request, publicUrl: string | undefined) {
  if (SAFE.has(method)) return
  const origin = headers.get('origin')
  if (origin === null ? headers.get('sec-fetch-site') !== 'same-origin' : !isOwn(origin, address, publicUrl))
    throw new Problem(403, 'a change by a session must say that it comes from the console: it needs Origin or Sec-Fetch-Site')
}
