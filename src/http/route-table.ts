import { CODE, RESERVED } from '../redirect/code.ts'
import { exchangeOf } from './exchange.ts'
import { Problem } from './problem.ts'

/** Knows each path's methods, for what Elysia answers 404 to: a wrong method. */
export function routeTable(routes: { routes: { method: string; path: string }[] }) {
  const patterns = routes.routes.map(({ method, path }) => ({
    method,
    path: new RegExp(
      `^${path
        .replace(/[.+]/g, '\\$&')
        .replace(/:[A-Za-z]+/g, '[^/]+')
        .replace(/\*/g, '.*')}/?$`,
    ),
  }))
  return {
    missing(request: Request): Problem {
      const { path } = exchangeOf(request)
      const allowed = new Set(patterns.filter((pattern) => pattern.path.test(path)).map(({ method }) => method))
      if (/^\/[^/]+$/.test(path) && CODE.test(path.slice(1)) && !RESERVED.has(path.slice(1))) allowed.add('GET')
      if (allowed.has('GET')) allowed.add('HEAD')
      if (allowed.size === 0 || allowed.has(request.method)) return new Problem(404, 'Not found')
      return new Problem(405, `${request.method} is not possible here`, { headers: { Allow: [...allowed].sort().join(', ') } })
    },
  }
}
