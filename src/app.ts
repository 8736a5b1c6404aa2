// The HTTP pipeline, read top to bottom: redirect -> address -> request id -> access -> limits -> faults -> routes -> problems -> log and metrics.
import { randomUUID } from 'node:crypto'
import { Elysia } from 'elysia'
import { aboutRoutes } from './about/routes.ts'
import { openApiDocument } from './api-reference.ts'
import type { Blocklist } from './blocklist/blocklist.ts'
import { blocklistRoutes } from './blocklist/routes.ts'
import { blocklistStore } from './blocklist/store.ts'
import type { Chaos } from './chaos/faults.ts'
import { chaosRoutes } from './chaos/routes.ts'
import { chaosStateRoute } from './chaos/state.ts'
import type { Recorder } from './clicks/recorder.ts'
import type { Config } from './config.ts'
import { consoleRoutes } from './console.ts'
import type { Database } from './database/guard.ts'
import { eventRoutes } from './events/routes.ts'
import { eventStore } from './events/store.ts'
import { fleetRoutes } from './fleet/routes.ts'
import type { Signer } from './fleet/signature.ts'
import { type Access, assertAllowed, openToAll } from './http/access.ts'
import { createAccessLog } from './http/access-log.ts'
import { type Address, addressOf, SAFE } from './http/address.ts'
import { answerJson, answerProblem, problemOf } from './http/answer.ts'
import type { Auth } from './http/auth.ts'
import { readJson } from './http/body.ts'
import type { Peers } from './http/client-address.ts'
import type { Cors } from './http/cors.ts'
import { type Exchange, exchangeOf, openExchange } from './http/exchange.ts'
import { protect, transportSecurity } from './http/headers.ts'
import { NOBODY } from './http/principal.ts'
import { notFound, Problem } from './http/problem.ts'
import { routeTable } from './http/route-table.ts'
import type { Sessions } from './http/session.ts'
import { assertStorable } from './http/validation.ts'
import { importRoutes } from './import/routes.ts'
import type { OpenKeyring } from './keys/keyring.ts'
import { keyRoutes } from './keys/routes.ts'
import { keyStore } from './keys/store.ts'
import type { Kind, Limits } from './limits/limits.ts'
import type { Admission } from './links/admission.ts'
import { exportRoute } from './links/export.ts'
import { linkRoutes } from './links/routes.ts'
import { linkStore } from './links/store.ts'
import { linkView } from './links/view.ts'
import type { Notices } from './notices/notices.ts'
import { noticeRoutes } from './notices/routes.ts'
import { overviewRoutes } from './overview/routes.ts'
import type { PolicyFeed } from './policy/policy.ts'
import { renewSessionSecret } from './policy/store.ts'
import { CODE, RESERVED } from './redirect/code.ts'
import { previewRoute } from './redirect/preview.ts'
import type { Resolver } from './redirect/resolver.ts'
import type { Redirect } from './redirect/route.ts'
import { sessionRoutes } from './sessions/routes.ts'
import type { Disk } from './telemetry/disk.ts'
import { logRoutes } from './telemetry/log-routes.ts'
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
  policy: PolicyFeed
  auth: Auth
  sessions: Sessions
  keyring: OpenKeyring
  admission: Admission
  blocklist: Blocklist
  resolver: Resolver
  clicks: Recorder
  redirect: Redirect
  cors: Cors | undefined
  limits: Limits
  chaos: Chaos
  signer: Signer
  overview: Parameters<typeof overviewRoutes>[0]
  telemetry: Parameters<typeof telemetryRoutes>[0]
  notices: Notices
  logs: Parameters<typeof logRoutes>[0]
  peers: Peers
  disk: Disk
  /** True while the process drains: every answer then closes its connection. */
  draining: () => boolean
}

/** Bun's `fetch` for the whole server. */
export async function createApp(parts: Parts): Promise<(request: Request) => Response | Promise<Response>> {
  const { config, log, metrics, auth, cors, redirect, limits, chaos, signer, draining } = parts
  const logAccess = createAccessLog(log)
  const hsts = transportSecurity(config)
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
      principal: NOBODY,
    })
    const started = performance.now()
    let response: Response
    let cause: unknown
    try {
      const address = addressOf(request)
      exchange.path = address.path
      exchange.origin = address.origin
      if (address.path.includes('//')) throw notFound('Page')
      const preflight = cors?.preflight(request)
      if (preflight) exchange.route = 'preflight'
      else {
        await admit(request, address, exchange)
        if (chaos.disturbs() && !UNDISTURBED.test(address.path)) await disturb()
      }
      response = preflight ?? (await routes.fetch(request))
      const problem = problems.get(request)
      cause = problem?.cause ?? problem
    } catch (error) {
      const problem = problemOf(error)
      cause = problem.cause ?? problem
      response = answerProblem(request, problem)
    }
    if (response.status === 401) response = await countRefusal(request, response, exchange)
    return finish(request, response, exchange, performance.now() - started, cause)
  }

  async function admit(request: Request, address: Address, exchange: Exchange) {
    const found = table.match(request.method, address.path)
    const access = found?.access ?? NO_ROUTE
    exchange.admittedTo = found?.route
    const ask = () => {
      const principal = auth.authenticate(request, address, access.asks)
      assertAllowed(principal, access)
      return principal
    }
    const peer = signer.principalOf(request, access)
    exchange.principal = peer ?? ask()
    const { by } = exchange.principal
    const said = request.headers.has('x-waypost-console')
    exchange.console = by === 'session' || (said && (by !== 'nobody' || auth.isSignedIn(request, address)))
    exchange.holds = () => {
      try {
        return (peer ?? ask()) !== undefined
      } catch {
        return false
      }
    }
    if (isSignIn(request, exchange)) limits.assertLeft('sign-in', request)
    if (access.asks !== 'nobody' && access.asks !== 'itself') await limits.take(kindOf(request), request)
  }

  /** Wrong credentials are counted, and too many of them answered 429; without any it is a request like others. */
  async function countRefusal(request: Request, response: Response, exchange: Exchange): Promise<Response> {
    const { headers } = request
    const tried =
      headers.get('authorization') ||
      headers.get('x-chaos-token') ||
      headers.get('x-waypost-fleet') ||
      isSignIn(request, exchange)
    try {
      await limits.take(tried ? 'sign-in' : kindOf(request), request)
      return response
    } catch (error) {
      return answerProblem(request, problemOf(error))
    }
  }

  async function disturb() {
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
      principal: NOBODY,
    })
    const problem = problemOf(error)
    return finish(request, answerProblem(request, problem), exchange, 0, problem.cause ?? problem)
  }

  function finish(request: Request, response: Response, exchange: Exchange, ms: number, cause: unknown): Response {
    const headers = response.headers
    headers.set('X-Request-Id', exchange.id)
    protect(headers)
    const byTls = hsts?.(request)
    if (byTls) headers.set('Strict-Transport-Security', byTls)
    if (exchange.limit && response.status !== 429)
      for (const [name, value] of Object.entries(exchange.limit)) headers.set(name, value)
    cors?.mark(request, headers)
    if (draining()) headers.set('Connection', 'close')
    if (exchange.route === 'unmatched' && response.status < 400) exchange.route = 'console'
    metrics.observe(request.method, exchange.route, response.status, ms / 1000)
    const asUsual = response.status === 302 || (response.status < 400 && exchange.principal.by === 'replica')
    if (!asUsual) logAccess(exchange, request.method, response.status, ms, cause)
    return response
  }

  async function createRoutes(parts: Parts) {
    const { database, policy, auth, sessions, keyring, admission, blocklist, resolver, clicks } = parts
    const { overview, telemetry, notices, logs, peers, disk } = parts
    const users = userStore(database)
    const links = linkStore(database)
    const events = eventStore(database)
    const view = linkView(config, blocklist)
    const changedPolicy = () => {
      events.forgetTotal()
      return policy.changed()
    }
    const endAll = async (by: Record<string, unknown>) => {
      await renewSessionSecret(database, by)
      await changedPolicy()
    }
    const imported = () => [users, links, events].forEach((store) => store.forgetTotal())

    const userGone = async () => {
      imported()
      await policy.changed().catch(() => {}) // the user's keys went too; the feed says so again
    }

    const app = new Elysia({ normalize: false }) // its normalisation would turn a list into an object before the check
      .onTransform({ as: 'global' }, ({ request, route, query, params }) => {
        const exchange = exchangeOf(request)
        if (route !== exchange.admittedTo) throw notFound('Page') // what one router let in, another must not run as something else
        exchange.route = route
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
      .use(importRoutes(database, config, admission.refusal, imported)) // before onParse: these read their bodies themselves
      .use(chaosRoutes(chaos, config))
      .use(telemetryRoutes(telemetry))
      .use(noticeRoutes(notices))
      .onParse({ as: 'global' }, ({ request }) => (request.method === 'DELETE' ? {} : readJson(request)))
      .use(userRoutes({ users, links, clicks, resolver, view, changed: userGone }))
      .use(linkRoutes({ database, links, events, clicks, resolver, redirect, admission, view }))
      .use(exportRoute(links, clicks))
      .use(eventRoutes(events, clicks))
      .use(keyRoutes(keyStore(database), keyring, changedPolicy))
      .use(sessionRoutes({ auth, sessions, endAll }))
      .use(blocklistRoutes(blocklistStore(database), changedPolicy))
      .use(previewRoute(resolver, limits))
      .use(fleetRoutes(overview.members, overview.fleet))
      .use(overviewRoutes(overview))
      .use(logRoutes(logs))
      .use(chaosStateRoute(chaos, config))
      .use(aboutRoutes({ config, database, peers, disk }))
    let document: ReturnType<typeof openApiDocument> | undefined
    const reference = async () => await (document ??= openApiDocument(app))
    return app
      .get('/openapi.json', reference, { detail: { hide: true, ...openToAll } })
      .get('/swagger/json', reference, { detail: { hide: true, ...openToAll } })
  }
}

/** What tells how the server is, and what a fault does to it, goes on telling. */
const UNDISTURBED = /^\/(health|ready|chaos|console|api\/(chaos|overview|fleet|alerts|notices|session))(\/|$)/

/** Who has any credential is told that there is nothing here, or not by this method. */
const NO_ROUTE: Access = { asks: 'metrics', bound: true }

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

/** What a request counts as, for the limits. */
const kindOf = ({ method }: Request): Kind => (SAFE.has(method) ? 'read' : 'create')

const isSignIn = ({ method }: Request, { path }: Exchange) => method === 'POST' && path === '/api/session'

const requestId = ({ headers }: Request) => {
  const given = headers.get('x-request-id')
  return given && /^[A-Za-z0-9._:-]{1,64}$/.test(given) ? given : randomUUID()
}
