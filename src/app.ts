// The HTTP pipeline, read top to bottom: redirect -> address -> request id -> access -> faults -> routes -> problems -> log and metrics.
import { randomUUID } from 'node:crypto'
import { Elysia } from 'elysia'
import { openApiDocument } from './api-reference.ts'
import type { Chaos } from './chaos/faults.ts'
import { chaosRoutes } from './chaos/routes.ts'
import type { Recorder } from './clicks/recorder.ts'
import type { Config } from './config.ts'
import { consoleRoutes } from './console.ts'
import { type Database, DatabaseAway } from './database/guard.ts'
import { eventRoutes } from './events/routes.ts'
import { eventStore } from './events/store.ts'
import { createAccessLog } from './http/access-log.ts'
import { addressOf, assertLoopback, assertSameOrigin } from './http/address.ts'
import { accessOf, assertToken } from './http/auth.ts'
import { readJson } from './http/body.ts'
import { type Exchange, exchangeOf, openExchange } from './http/exchange.ts'
import { errorPage, errorPageHeaders, prefersHtml } from './http/pages.ts'
import { notFound, Problem, problemBody, unavailable } from './http/problem.ts'
import { assertStorable, validationProblem } from './http/validation.ts'
import { importRoutes } from './import/routes.ts'
import { CODE, RESERVED } from './links/code.ts'
import { linkRoutes } from './links/routes.ts'
import { linkStore } from './links/store.ts'
import { linkView } from './links/view.ts'
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

function answerJson(
  request: Request,
  value: unknown,
  set: { status?: number | string; headers: Record<string, unknown> },
): Response | undefined {
  if (value instanceof Response) return undefined
  const status = Number(set.status ?? 200)
  const headers = { ...(set.headers as Record<string, string>), 'Cache-Control': 'private, no-cache' } as Record<string, string>
  if (status === 204 || value === undefined) return new Response(null, { status: 204, headers })
  const body = JSON.stringify(value)
  headers['Content-Type'] = 'application/json'
  if (status === 200 && (request.method === 'GET' || request.method === 'HEAD')) {
    headers.ETag = `W/"${Bun.hash(body).toString(36)}"`
    const known = request.headers.get('if-none-match')
    if (known && (known === '*' || known.includes(headers.ETag.slice(2)))) return new Response(null, { status: 304, headers })
  }
  return new Response(body, { status, headers })
}

function answerProblem(request: Request, problem: Problem): Response {
  const { id, path } = exchangeOf(request)
  const headers = { 'Cache-Control': 'no-store', ...problem.headers }
  if ((request.method === 'GET' || request.method === 'HEAD') && /^\/[^/]+$/.test(path) && prefersHtml(request))
    return new Response(errorPage(problem.status, ...wordsFor(problem)), {
      status: problem.status,
      headers: { ...headers, ...errorPageHeaders },
    })
  return new Response(JSON.stringify(problemBody(problem, id)), {
    status: problem.status,
    headers: { ...headers, 'Content-Type': 'application/json' },
  })
}

/** What a visitor reads who followed a link that leads nowhere. */
function wordsFor({ status, message }: Problem): [title: string, text: string] {
  if (status === 404)
    return [
      'This link leads nowhere',
      'Nothing is at this address: it may be mistyped, or the link was taken back by whoever made it.',
    ]
  if (status === 410) return ['This link is no longer active', 'Whoever made it has switched it off.']
  if (status === 503)
    return ['Try again in a moment', 'This link cannot be looked up just now. Nothing is lost; please try again shortly.']
  return ['That did not work', message]
}

/** Every error that can reach the client, as a problem; what nobody foresaw is 500 without a word of its own. */
function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof DatabaseAway) return unavailable('the database is not reachable, try again in a moment', error)
  const { code, all } = error as { code?: string; all?: unknown }
  if (code === 'VALIDATION' && Array.isArray(all)) return validationProblem(all as never)
  if (code === 'PARSE' && (error as Error).cause instanceof Problem) return (error as Error).cause as Problem
  if (typeof code === 'string' && /^22...$/.test(code)) return new Problem(400, 'a value cannot be stored', { cause: error })
  return new Problem(500, 'something went wrong on our side', { cause: error })
}

/** Knows each path's methods, for what Elysia answers 404 to: a wrong method. */
function routeTable(routes: { routes: { method: string; path: string }[] }) {
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
