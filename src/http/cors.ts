// Web pages of other origins that may use the API, by CORS_ORIGINS. They bring a key of their own: cookies are never theirs to use.

export type Cors = NonNullable<ReturnType<typeof createCors>>

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE'
const TAKEN = 'Authorization, Content-Type, If-None-Match, X-Request-Id'
const SHOWN =
  'ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After, X-Clicks-Pending, X-Next-Cursor, X-Request-Id, X-Total-Count, X-Total-Exact'

/** Undefined where no origin is listed. */
export function createCors(origins: string[] | undefined) {
  if (!origins || origins.length === 0) return undefined
  const listed = new Set(origins)
  const originOf = ({ headers }: Request) => {
    const origin = headers.get('origin')
    return origin !== null && listed.has(origin) ? origin : undefined
  }

  return {
    /** The answer to a listed origin's preflight; undefined for every other request. */
    preflight(request: Request): Response | undefined {
      if (request.method !== 'OPTIONS' || !request.headers.has('access-control-request-method') || !originOf(request))
        return undefined
      return new Response(null, {
        status: 204,
        headers: {
          'Access-Control-Allow-Methods': METHODS,
          'Access-Control-Allow-Headers': TAKEN,
          'Access-Control-Max-Age': '600',
          Vary: 'Access-Control-Request-Method, Access-Control-Request-Headers',
        },
      })
    },
    /** True for a change that a listed origin may ask for. With a cookie it may be on a session that is not its own. */
    admits: (request: Request) => originOf(request) !== undefined && !request.headers.has('cookie'),
    /** Marks an answer for the browser and for caches. Never Access-Control-Allow-Credentials. */
    mark(request: Request, headers: Headers) {
      headers.append('Vary', 'Origin')
      const origin = originOf(request)
      if (!origin) return
      headers.set('Access-Control-Allow-Origin', origin)
      headers.set('Access-Control-Expose-Headers', SHOWN)
    },
  }
}
