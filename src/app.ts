// The HTTP pipeline, read top to bottom: redirect -> address -> request id -> access -> faults -> routes -> problems -> log and metrics.
import { randomUUID } from 'node:crypto'
import { Elysia } from 'elysia'
import { openApiDocument } from './api-reference.ts'
import type { Chaos } from './chaos/faults.ts'
import { chaosRoutes } from './chaos/routes.ts'
import type { Recorder } from './clicks/recorder.ts'
import type { Config } from './config.ts'
import { consoleRoutes } from './console.ts'
import type { Database } from './database/guard.ts'
import { eventRoutes } from './events/routes.ts'
import { eventStore } from './events/store.ts'
import { createAccessLog } from './http/access-log.ts'
import { addressOf, assertLoopback, assertSameOrigin } from './http/address.ts'
import { answerJson, answerProblem, problemOf } from './http/answer.ts'
import { accessOf, assertToken } from './http/auth.ts'
import { readJson } from './http/body.ts'
import { type Exchange, exchangeOf, openExchange } from './http/exchange.ts'
import { notFound, Problem } from './http/problem.ts'
import { routeTable } from './http/route-table.ts'
import { assertStorable } from './http/validation.ts'
import { importRoutes } from './import/routes.ts'
import { linkRoutes } from './links/routes.ts'
import { linkStore } from './links/store.ts'
import { linkView } from './links/view.ts'
import { CODE, RESERVED } from './redirect/code.ts'
import { previewRoute } from './redirect/preview.ts'
import type { Resolver } from './redirect/resolver.ts'
import type { Redirect } from './redirect/route.ts'
import type { Log } from './telemetry/logs.ts'
import type { Metrics } from './telemetry/metrics.ts'
import { telemetryRoutes } from './telemetry/routes.ts'
import { userRoutes } from './users/routes.ts'
import { userStore } from './users/store.ts'

export type Parts = {
  config: Config
  log: Log
  metrics: Metrics
  database: Database
  resolver: Resolver
  clicks: Recorder
  redirect: Redirect
  chaos: Chaos
  telemetry: Parameters<typeof telemetryRoutes>[0]
  /** True while the process drains: every answer then closes its connection. */
  draining: () => boolean
}

/** Bun's `fetch` for the whole server. */
export async function createApp(parts: Parts): Promise<(request: Request) => Response | Promise<Response>> {
  const { config, log, metrics, redirect, chaos, draining } = parts
  const access = accessOf(config)
  const logAccess = createAccessLog(log)
  const routes = await createRoutes(parts)
  const table = routeTable(routes)

  return (request) => {
    const code = codeIn(request)
    if (code === undefined) return throughPipeline(request)
    try {
      const answer = redirect(request, code)
      return answer instanceof Promise ? answer.catch((error) => refuse(request, error, code)) : answer
    } catch (error) {
      return refuse(request, error, code)
    }
  }

  async function throughPipeline(request: Request): Promise<Response> {
    const exchange = openExchange(request, {
      id: requestId(request),
      path: '',
      origin: '',
      route: 'unmatched',
      started: Date.now(),
    })
    const started = performance.now()
    let response: Response
    let cause: unknown
    try {
      const address = addressOf(request)
      exchange.path = address.path
      exchange.origin = address.origin
      if (address.path.includes('//')) throw notFound('Page')
      guard(request, address)
      if (chaos.any()) await disturb(address.path)
      response = await routes.fetch(request)
      const problem = problems.get(request)
      cause = problem?.cause ?? problem
    } catch (error) {
      const problem = problemOf(error)
      cause = problem.cause ?? problem
      response = answerProblem(request, problem)
    }
    return finish(request, response, exchange, performance.now() - started, cause)
  }

  function guard(request: Request, address: ReturnType<typeof addressOf>) {
    if (isPublic(request.method, address.path)) return
    if (access === 'open') assertLoopback(address, request.headers)
    assertSameOrigin(address, request, config.PUBLIC_URL)
    if (access === 'token' && address.path !== '/chaos') assertToken(request.headers, config.ADMIN_TOKEN!)
  }

  async function disturb(path: string) {
    if (path === '/chaos' || path === '/health' || path === '/ready') return
    const delay = chaos.delay()
    if (delay > 0) await Bun.sleep(delay)
    if (chaos.fails()) throw new Problem(500, 'this failure was asked for by /chaos')
  }

  /** A redirect that did not happen takes the way of every other problem. */
  function refuse(request: Request, error: unknown, code: string): Response {
    const exchange = openExchange(request, {
      id: requestId(request),
      path: `/${code}`,
      origin: '',
      route: '/:code',
      started: Date.now(),
    })
    const problem = problemOf(error)
    return finish(request, answerProblem(request, problem), exchange, 0, problem.cause ?? problem)
  }

  function finish(request: Request, response: Response, exchange: Exchange, ms: number, cause: unknown): Response {
    const headers = response.headers
    headers.set('X-Request-Id', exchange.id)
    headers.set('X-Content-Type-Options', 'nosniff')
    if (draining()) headers.set('Connection', 'close')
    if (exchange.route === 'unmatched' && response.status < 400) exchange.route = 'console'
    metrics.observe(request.method, exchange.route, response.status, ms / 1000)
    if (response.status !== 302) logAccess(exchange, request.method, response.status, ms, cause)
    return response
  }

  async function createRoutes({ database, resolver, clicks, telemetry }: Parts) {
    const users = userStore(database)
    const links = linkStore(database)
    const events = eventStore(database)
    const view = linkView(config)
    const imported = () => [users, links, events].forEach((store) => store.forgetTotal())

    const app = new Elysia({ normalize: false }) // its normalisation would turn a list into an object before the check
      .onTransform({ as: 'global' }, ({ request, route, query, params }) => {
        exchangeOf(request).route = route
        assertStorable(query)
        assertStorable(params)
      })
      .mapResponse({ as: 'global' }, ({ responseValue, request, set }) => answerJson(request, responseValue, set))
      .onError({ as: 'global' }, ({ error, code, request, route }) => {
        if (route) exchangeOf(request).route = route
        const problem = code === 'NOT_FOUND' && !(error instanceof Problem) ? table.missing(request) : problemOf(error)
        problems.set(request, problem)
        return answerProblem(request, problem)
      })
      .use(await consoleRoutes(config))
      .use(importRoutes(database, config, imported)) // before onParse: these read their bodies themselves
      .use(chaosRoutes(chaos, config))
      .onParse({ as: 'global' }, ({ request }) => (request.method === 'DELETE' ? {} : readJson(request)))
      .use(userRoutes({ users, links, clicks, resolver, view, changed: imported }))
      .use(linkRoutes({ database, links, events, clicks, resolver, redirect, view }))
      .use(eventRoutes(events, clicks))
      .use(previewRoute(resolver))
      .use(telemetryRoutes(telemetry))
    let document: ReturnType<typeof openApiDocument> | undefined
    const reference = async () => await (document ??= openApiDocument(app))
    return app
      .get('/openapi.json', reference, { detail: { hide: true } })
      .get('/swagger/json', reference, { detail: { hide: true } })
  }
}

const problems = new WeakMap<Request, Problem>()

/** The code that a GET or HEAD of a one-segment path asks for; undefined for everything that is a route's or no code. */
function codeIn({ method, url }: Request): string | undefined {
  if (method !== 'GET' && method !== 'HEAD') return undefined
  const start = url.indexOf('/', 8) + 1
  if (start === 0) return undefined
  const end = url.indexOf('?', start)
  const code = end < 0 ? url.slice(start) : url.slice(start, end)
  return CODE.test(code) && !RESERVED.has(code) ? code : undefined
}

/** Open to everybody: whether we live, where a code leads, and the pages without data that an operator signs in from. */
function isPublic(method: string, path: string): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false
  return PUBLIC_PAGES.test(path) || REDIRECTS.test(path)
}

const PUBLIC_PAGES =
  /^\/((health|ready|favicon\.ico|robots\.txt|dashboard|apidocs|docs|openapi\.json)?|(console|swagger)(\/.*)?)$/
const REDIRECTS = /^\/([A-Za-z0-9_-]+\+|urls\/[\w-]*[A-Za-z_-][\w-]*|urls\/[\w-]+\/redirect)$/

const requestId = ({ headers }: Request) => {
  const given = headers.get('x-request-id')
  return given && /^[A-Za-z0-9._:-]{1,64}$/.test(given) ? given : randomUUID()
}
