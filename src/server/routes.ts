// The routes of the server, one line per folder. Hooks apply to the routes below them.
import { Elysia } from 'elysia'
import { keyRoutes } from '../access/keys/routes.ts'
import { sessionRoutes } from '../access/sessions/routes.ts'
import { notFound, Problem } from '../base/problem.ts'
import { blocklistRoutes } from '../blocklist/routes.ts'
import { chaosRoutes } from '../chaos/routes.ts'
import { chaosStateRoute } from '../chaos/state.ts'
import { eventRoutes } from '../events/routes.ts'
import { chosenIn } from '../fleet/choice.ts'
import { fleetRoutes } from '../fleet/routes.ts'
import { openToAll } from '../http/access.ts'
import { answerJson, answerProblem, problemOf } from '../http/answer.ts'
import { readJson } from '../http/body.ts'
import { exchangeOf } from '../http/exchange.ts'
import { tidyQuery } from '../http/query.ts'
import { streamsRoute } from '../http/streams.ts'
import { assertStorable } from '../http/validation.ts'
import { importRoutes } from '../import/routes.ts'
import { aliasRoutes } from '../links/aliases/routes.ts'
import { bulkRoutes } from '../links/bulk-routes.ts'
import { exportRoute } from '../links/export.ts'
import { historyRoutes } from '../links/history.ts'
import { qrRoutes } from '../links/qr.ts'
import { linkRoutes } from '../links/routes.ts'
import { suggestionRoute } from '../links/suggestions.ts'
import { trendsRoute } from '../links/trends.ts'
import { logRoutes } from '../logs/routes.ts'
import { alertRoutes } from '../monitor/alerts/routes.ts'
import { notificationRoutes } from '../monitor/notifications/routes.ts'
import { overviewRoutes } from '../monitor/overview/routes.ts'
import { healthRoutes } from '../monitor/routes.ts'
import { previewRoute } from '../redirect/preview.ts'
import { tagRoutes } from '../tags/routes.ts'
import { userRoutes } from '../users/routes.ts'
import { aboutRoutes } from './about/routes.ts'
import { openApiDocument } from './api-reference.ts'
import { consoleRoutes } from './console.ts'
import type { Context } from './context.ts'

const refusals = new WeakMap<Request, Problem>()

/** The problem behind a route's response; undefined if it succeeded. */
export const refusalOf = (request: Request): Problem | undefined => refusals.get(request)

export type Routes = Awaited<ReturnType<typeof createRoutes>>

export async function createRoutes(context: Context) {
  const { streams, stream, members, follow } = context
  const app = new Elysia({ normalize: false }) // normalisation would turn a list into an object before validation
    .onTransform({ as: 'global' }, ({ request, route, query, params }) => {
      const exchange = exchangeOf(request)
      if (route !== exchange.admittedTo) throw notFound('Page') // our route table admitted this request to another route
      exchange.route = route
      tidyQuery(request, query, exchange.parameters ?? [])
      assertStorable(query)
      assertStorable(params)
    })
    .mapResponse({ as: 'global' }, ({ responseValue, request, set }) => answerJson(request, responseValue, set))
    .onError({ as: 'global' }, ({ error, code, request, route }) => {
      if (route) exchangeOf(request).route = route
      const problem = code === 'NOT_FOUND' && !(error instanceof Problem) ? notFound('Page') : problemOf(error)
      refusals.set(request, problem)
      return answerProblem(request, problem)
    })
    .use(await consoleRoutes(context.config))
    .use(importRoutes(context)) // before onParse: these routes parse their bodies themselves
    .use(bulkRoutes(context)) // so do these
    .use(chaosRoutes(context))
    .use(healthRoutes(context))
    .use(alertRoutes(context))
    .use(notificationRoutes(context))
    .onParse({ as: 'global' }, ({ request }) => (request.method === 'DELETE' ? {} : readJson(request)))
    .use(userRoutes(context))
    .use(linkRoutes(context))
    .use(aliasRoutes(context))
    .use(historyRoutes(context))
    .use(qrRoutes(context))
    .use(exportRoute(context))
    .use(suggestionRoute(context))
    .use(tagRoutes(context))
    .use(trendsRoute(context))
    .use(eventRoutes(context))
    .use(keyRoutes(context))
    .use(sessionRoutes(context))
    .use(blocklistRoutes(context))
    .use(previewRoute(context))
    .use(fleetRoutes(context))
    .use(overviewRoutes(context))
    .use(logRoutes(context))
    .use(
      streamsRoute(streams, {
        '/logs': follow,
        '/api/overview/stream': (query, last) => stream.follow(chosenIn(query.replica, members), last),
      }),
    )
    .use(chaosStateRoute(context))
    .use(aboutRoutes(context))
  let document: ReturnType<typeof openApiDocument> | undefined
  const reference = async () => await (document ??= openApiDocument(app))
  return app
    .get('/openapi.json', reference, { detail: { hide: true, ...openToAll } })
    .get('/swagger/json', reference, { detail: { hide: true, ...openToAll } })
}
