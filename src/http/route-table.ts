import { CODE, RESERVED } from '../redirect/code.ts'
import { type Access, accessIn, openToAll } from './access.ts'
import { exchangeOf } from './exchange.ts'
import { Problem } from './problem.ts'

type Route = { method: string; path: string; hooks?: { detail?: unknown } }

export type Match = { route: string; access: Access }

/** Knows each path's routes before Elysia runs one: what it asks of its caller, and for a wrong method, which are right. */
export function routeTable({ routes }: { routes: Route[] }) {
  const patterns = routes.toSorted(byPrecedence).map(({ method, path, hooks }) => ({
    method,
    route: path,
    path: new RegExp(
      `^${path
        .replace(/[.+]/g, '\\$&')
        .replace(/:[A-Za-z]+/g, '[^/]+')
        .replace(/\*/g, '.*')}/?$`,
    ),
    access: accessIn(hooks?.detail),
  }))
  return {
    /** The route that Elysia will run; undefined where it has none. A HEAD runs the GET. */
    match(method: string, path: string): Match | undefined {
      const run = method === 'HEAD' ? 'GET' : method
      const found = patterns.find((pattern) => pattern.method === run && pattern.path.test(path))
      if (found?.access.codes && WITH_CODE.test(path)) return { route: found.route, access: accessIn(openToAll) }
      return found
    },

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

// As it stands in the path: `%31` is an id to whoever decodes it.
const WITH_CODE = /^\/\w+\/[\w-]*[A-Za-z_-][\w-]*\/?$/

/** As Elysia's router: a fixed segment goes before a parameter, and that before the rest of the path. */
function byPrecedence(a: Route, b: Route): number {
  const [left, right] = [a.path.split('/'), b.path.split('/')]
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = rank(left[i]!) - rank(right[i]!)
    if (order !== 0) return order
  }
  return 0
}

const rank = (segment: string) => (segment === '*' ? 2 : segment.startsWith(':') ? 1 : 0)
