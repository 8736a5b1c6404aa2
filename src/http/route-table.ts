import { CODE } from '../base/code.ts'
import { codeOfPath, decoded } from '../base/ending.ts'
import { Problem } from '../base/problem.ts'
import { codeMeant } from '../base/wide-code.ts'
import { type Access, accessIn, openToAll } from './access.ts'

type Route = { method: string; path: string; hooks?: { detail?: unknown; query?: unknown } }

/** `parameters`: the query parameters that the route documents. */
export type Match = { route: string; access: Access; parameters: string[] }

/** Looks up routes by path before Elysia runs one: the required access, and for a wrong method, the allowed ones. */
export function routeTable({ routes }: { routes: Route[] }) {
  const byPattern = Map.groupBy(routes.toSorted(byPrecedence), ({ path }) => patternOf(path))
  const resources = [...byPattern].map(([pattern, routes]) => ({ pattern: new RegExp(pattern), routes: routes.map(described) }))
  /** The routes of the most specific pattern that matches a path: `/users/bulk` is not one of `/users/:id`, whatever the method. */
  const resourceAt = (path: string) => resources.find(({ pattern }) => pattern.test(path))?.routes ?? []

  return {
    /** The route that Elysia will run; undefined if there is none. A HEAD runs the GET. */
    match(method: string, path: string): Match | undefined {
      const run = method === 'HEAD' ? 'GET' : method
      const found = resourceAt(path).find((pattern) => pattern.method === run)
      return found?.access.codes && meansCode(path) ? { ...found, access: PUBLIC } : found
    },

    /** The pattern of a path, whatever the method. */
    patternOf: (path: string): string | undefined => resourceAt(path)[0]?.route,

    /** The access for a wrong method at this path: public if one of the right methods is, else undefined. */
    accessTo: (path: string): Access | undefined =>
      resourceAt(path).some(({ access }) => access.asks === 'nobody') ? PUBLIC : undefined,

    /** 405 naming the allowed methods, or 404 if there are none. */
    missing(method: string, path: string): Problem {
      const resource = resourceAt(path).filter(({ route }) => route !== '/:code' || isCodes(path))
      if (resource.length === 0) return new Problem(404, 'Not found')
      const allowed = new Set(resource.map(({ method }) => method))
      if (allowed.has('GET')) allowed.add('HEAD')
      return new Problem(405, `${method} is not allowed here`, { headers: { Allow: [...allowed].sort().join(', ') } })
    },
  }
}

const PUBLIC = accessIn(openToAll)

const patternOf = (path: string) =>
  `^${path
    .replace(/[.+]/g, '\\$&')
    .replace(/:[A-Za-z]+/g, '[^/]+')
    .replace(/\*/g, '.*')}/?$`

const described = ({ method, path, hooks }: Route) => ({
  method,
  route: path,
  access: accessIn(hooks?.detail),
  parameters: Object.keys((hooks?.query as { properties?: object } | undefined)?.properties ?? {}),
})

/** Whether the second segment is, or means, a code that is not an id: `%31` decodes to an id. */
function meansCode(path: string): boolean {
  const segment = path.split('/')[2] ?? ''
  const text = decoded(segment)
  const code = CODE.test(segment) ? segment : CODE.test(text) ? undefined : codeMeant(text)
  return /\D/.test(code ?? '')
}

/** Whether a path of one segment may be that of a code, or of its preview. */
const isCodes = (path: string) => codeOfPath(path.slice(1).replace(/(\+|%2B)\/?$/i, '')) !== undefined

/** Elysia's precedence: a fixed segment before a parameter, and that before a wildcard. One total order for all routes, which sorting requires. */
function byPrecedence(a: Route, b: Route): number {
  const [left, right] = [ranksOf(a), ranksOf(b)]
  return left < right ? -1 : left > right ? 1 : 0
}

const ranksOf = ({ path }: Route) =>
  path
    .split('/')
    .map((segment) => (segment === '*' ? 2 : segment.startsWith(':') ? 1 : 0))
    .join('')
