// The HTTP pipeline of all that is no plain redirect: address -> redirect below a code, form of a link -> gate -> faults -> routes -> problems -> finish.
import { randomUUID } from 'node:crypto'
import { notFound, Problem } from '../base/problem.ts'
import { type Address, addressOf, SAFE } from '../http/address.ts'
import { answerProblem, problemOf } from '../http/answer.ts'
import { type Exchange, openExchange } from '../http/exchange.ts'
import { NOBODY } from '../http/principal.ts'
import { routeTable } from '../http/route-table.ts'
import { previewPath } from '../redirect/preview.ts'
import type { Context } from './context.ts'
import { createFinish } from './finish.ts'
import { createGate } from './gate.ts'
import { createNowhere } from './nowhere.ts'
import { createRoutes, refusalOf } from './routes.ts'

/** Paths that injected faults leave alone: health, monitoring and the faults themselves. */
const UNDISTURBED = /^\/(health|ready|chaos|console|api\/(chaos|overview|streams|fleet|alerts|notices|session))(\/|$)/

export type Pipeline = Awaited<ReturnType<typeof createPipeline>>

export async function createPipeline(context: Context) {
  const { config, cors, below, submit, chaos } = context
  const routes = await createRoutes(context)
  const gate = createGate(context, routeTable(routes))
  const { finish, count } = createFinish(context)
  const answerNowhere = createNowhere(count, (request, exchange) => refuse(request, exchange, notFound('URL')))
  const visits = new Map([
    ['GET', below],
    ['HEAD', below],
    ['POST', submit],
  ])

  async function handle(request: Request): Promise<Response> {
    const exchange = openExchange(request, newExchange(request, 'unmatched'))
    const started = performance.now()
    let response: Response
    let cause: unknown
    try {
      const address = addressOf(request, config.TRUSTED_PROXIES)
      exchange.path = address.path
      exchange.origin = address.origin
      if (address.path.includes('//')) throw notFound('Page')
      const visited = await visits.get(request.method)?.(request, address.path)
      if (visited) return visited
      address.path = (SAFE.has(request.method) && previewPath(address.path)) || address.path
      const preflight = cors?.preflight(request)
      if (preflight) exchange.route = 'preflight'
      else {
        await gate.admit(request, address, exchange)
        if (chaos.disturbs() && !UNDISTURBED.test(exchange.route)) await disturb()
      }
      const routed = address.host === '' || address.path !== exchange.path ? readdressed(request, address, exchange) : request
      response = preflight ?? (await routes.fetch(routed))
      const problem = refusalOf(routed)
      cause = problem?.cause ?? problem
    } catch (error) {
      const problem = problemOf(error)
      cause = problem.cause ?? problem
      response = answerProblem(request, problem)
    }
    if (response.status === 401) response = await gate.countRefusal(request, response, exchange)
    return finish(request, response, exchange, performance.now() - started, cause)
  }

  async function disturb() {
    const delay = chaos.delay()
    if (delay > 0) await Bun.sleep(delay)
    if (chaos.fails()) throw new Problem(500, 'injected by /chaos: the fault errors is armed')
  }

  /** Handles, counts and logs a failed redirect like every other problem. */
  function refuse(request: Request, exchange: Exchange, error: unknown): Response {
    openExchange(request, exchange)
    const problem = problemOf(error)
    return finish(request, answerProblem(request, problem), exchange, 0, problem.cause ?? problem)
  }

  return {
    handle,
    nowhere: (request: Request) => answerNowhere(request, ofRedirect(request)),
    refuseRedirect: (request: Request, error: unknown) => refuse(request, ofRedirect(request), error),
  }
}

/** The exchange of a new request, before its address is parsed. */
const newExchange = (request: Request, route: string): Exchange => ({
  id: requestId(request),
  path: '',
  origin: '',
  route,
  started: Date.now(),
  principal: NOBODY,
})

/** The same for a request that has a code in its path. */
function ofRedirect(request: Request): Exchange {
  const exchange = newExchange(request, '/:code')
  const { url } = request
  const query = url.indexOf('?')
  exchange.path = url.slice(url.indexOf('/', 8), query < 0 ? undefined : query)
  return exchange
}

/** The request with the path of `address`, and with a host, which a probe may leave out: for Elysia's router. */
function readdressed({ method, url, headers }: Request, { host, path }: Address, exchange: Exchange): Request {
  const query = url.indexOf('?')
  const request = new Request(`http://${host || 'localhost'}${path}${query < 0 ? '' : url.slice(query)}`, { method, headers })
  openExchange(request, exchange)
  return request
}

const requestId = ({ headers }: Request) => {
  const given = headers.get('x-request-id')
  return given && /^[A-Za-z0-9._:-]{1,64}$/.test(given) ? given : randomUUID()
}
