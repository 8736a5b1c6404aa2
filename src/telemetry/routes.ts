import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { needs, openToAll } from '../http/access.ts'
import { notFound } from '../http/problem.ts'
import type { Alerts } from './alerts.ts'
import type { health, readiness } from './health.ts'
import type { Metrics } from './metrics.ts'

type Parts = {
  metrics: Metrics
  alerts: Alerts
  health: () => ReturnType<typeof health>
  ready: () => ReturnType<typeof readiness>
  summary: () => Record<string, unknown>
}

const Moment = Type.String({ description: 'ISO 8601, UTC.' })
const AlertState = Type.Object({
  alerts: Type.Array(
    Type.Object({
      name: Type.String(),
      state: Type.Union([Type.Literal('ok'), Type.Literal('firing')]),
      since: Moment,
      value: Type.Number(),
      threshold: Type.Number({ description: 'It fires while the value is above.' }),
      unit: Type.String(),
      help: Type.String(),
      test: Type.Boolean({ description: 'true: it only fires because it is tried out.' }),
    }),
  ),
  history: Type.Array(
    Type.Object({
      name: Type.String(),
      from: Moment,
      to: Type.Union([Moment, Type.Null()], { description: 'null: it still fires.' }),
      peak: Type.Number(),
      test: Type.Boolean(),
    }),
    { description: 'Newest first, at most 200, since the start.' },
  ),
})

export function telemetryRoutes({ metrics, alerts, health, ready, summary }: Parts) {
  const exposition = async ({ request }: { request: Request }) => {
    if (/application\/json/.test(request.headers.get('accept') ?? '')) return Response.json(summary())
    return new Response(await metrics.text(), { headers: { 'Content-Type': metrics.contentType } })
  }
  const text = {
    ...needs('metrics'),
    responses: { 200: { description: 'Prometheus text; JSON with Accept: application/json.' } },
  }

  return new Elysia({ detail: { tags: ['Operations'] } })
    .get('/health', health, { detail: { summary: 'Whether the process answers; never touches the database', ...openToAll } })
    .get(
      '/ready',
      ({ set }) => {
        const answer = ready()
        if (answer.status === 'starting' || answer.status === 'draining') set.status = 503
        return answer
      },
      { detail: { summary: 'ready or degraded (200); starting or draining (503)', ...openToAll } },
    )
    .get('/metrics', exposition, { detail: { summary: 'Metrics', ...text } })
    .get('/prometheus', exposition, { detail: { summary: 'Metrics', ...text } })
    .get('/metrics/json', summary, { detail: { summary: 'The figures that people look at first, as JSON', ...needs('metrics') } })
    .get('/alert-status', () => alerts.status(), { detail: { summary: 'State of the built-in alerts', ...needs('read') } })
    .get('/api/alerts', () => ({ alerts: alerts.list(), history: alerts.history() }), {
      response: { 200: AlertState },
      detail: { summary: 'The built-in alerts: what they are about, how they stand, when they fired', ...needs('read') },
    })
    .post(
      '/api/alerts/:name/test',
      ({ params, set }) => {
        const test = alerts.test(params.name)
        if (!test) throw notFound('Alert')
        set.status = 202
        return test
      },
      {
        parse: 'none',
        params: Type.Object({ name: Type.String() }),
        response: { 202: Type.Object({ name: Type.String(), until: Moment }) },
        detail: { summary: 'Let an alert fire for 10 seconds, to see whom it reaches', ...needs('admin') },
      },
    )
}
