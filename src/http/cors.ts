// Lets web pages of other origins use the API, by CORS_ORIGINS. They need an API key: cookies are never accepted from them.

export type Cors = NonNullable<ReturnType<typeof createCors>>

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE'
const ALLOWED = 'Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Request-Id'
const EXPOSED =
  'ETag, Idempotent-Replayed, Link, Location, RateLimit, RateLimit-Policy, Retry-After, X-Clicks-Pending, X-Next-Cursor, X-Request-Id, X-Total-Count, X-Total-Exact'

/** Undefined if no origin is listed. Allows nothing while `requiresKeys` is false: in open mode a page would need no key. */
export function createCors(origins: string[] | undefined, requiresKeys: () => boolean) {
  if (!origins || origins.length === 0) return undefined
  const listed = new Set(origins)
  const originOf = ({ headers }: Request) => {
    const origin = headers.get('origin')
    return origin !== null && listed.has(origin) && requiresKeys() ? origin : undefined
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
          'Access-Control-Allow-Headers': ALLOWED,
          'Access-Control-Max-Age': '600',
          Vary: 'Access-Control-Request-Method, Access-Control-Request-Headers',
        },
      })
    },
    /** True for a change that a listed origin may make. Never with a cookie, which may belong to somebody else's session. */
    admits: (request: Request) => originOf(request) !== undefined && !request.headers.has('cookie'),
    /** Adds the CORS headers to a response. Never Access-Control-Allow-Credentials. */
    mark(request: Request, headers: Headers) {
      headers.append('Vary', 'Origin')
      const origin = originOf(request)
      if (!origin) return
      headers.set('Access-Control-Allow-Origin', origin)
      headers.set('Access-Control-Expose-Headers', EXPOSED)
    },
  }
}
