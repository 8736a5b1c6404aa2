import { Elysia } from 'elysia'
import { fails, needs, openToAll } from '../http/access.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Health, Ready } from './schema.ts'

type Parts = {
  metrics: Metrics
  health: () => Health
  ready: () => Ready
  summary: () => Record<string, unknown>
}

export function healthRoutes({ metrics, health, ready, summary }: Parts) {
  const exposition = async ({ request }: { request: Request }) => {
    if (/application\/json/.test(request.headers.get('accept') ?? '')) return Response.json(summary())
    return new Response(await metrics.text(), { headers: { 'Content-Type': metrics.contentType } })
  }
  const text = {
    ...needs('metrics'),
    responses: { 200: { description: 'Prometheus text; JSON with Accept: application/json.' } },
  }

  return new Elysia({ detail: { tags: ['Operations'] } })
    .get('/health', health, { detail: { summary: 'Whether the process is alive; never touches the database', ...openToAll } })
    .get(
      '/ready',
      ({ set }) => {
        const answer = ready()
        if (answer.status === 'starting' || answer.status === 'draining') set.status = 503
        return answer
      },
      { detail: { summary: 'ready or degraded (200); starting or draining (503)', ...openToAll, ...fails(503) } },
    )
    .get('/metrics', exposition, { detail: { summary: 'Metrics', ...text } })
    .get('/prometheus', exposition, { detail: { summary: 'Metrics', ...text } })
    .get('/metrics/json', summary, { detail: { summary: 'The most important figures, as JSON', ...needs('metrics') } })
}
