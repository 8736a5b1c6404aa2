import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { needs, openToAll } from '../http/access.ts'
import { exchangeOf } from '../http/exchange.ts'
import { prefersHtml } from '../http/pages.ts'
import { invalid } from '../http/problem.ts'
import { OTHERS_IGNORED, textFilter } from '../http/validation.ts'
import type { watchAlerts } from './alerts.ts'
import type { health, readiness } from './health.ts'
import { logStream } from './log-stream.ts'
import type { LogLevel, LogRing } from './logs.ts'
import type { Metrics } from './metrics.ts'

type Parts = {
  metrics: Metrics
  ring: LogRing
  alerts: ReturnType<typeof watchAlerts>
  health: () => ReturnType<typeof health>
  ready: () => ReturnType<typeof readiness>
  summary: () => Record<string, unknown>
}

const LEVELS: LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']
const MAX_LINES = 200

export function telemetryRoutes({ metrics, ring, alerts, health, ready, summary }: Parts) {
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
    .get(
      '/logs',
      ({ query, request }) => {
        const filter = textFilter(query, 'filter') || undefined
        const level = levelOf(query.level)
        const accept = request.headers.get('accept') ?? ''
        if (accept.includes('text/event-stream') && request.method === 'GET') {
          // a HEAD would wait for its end
          const last = Number(request.headers.get('last-event-id') ?? Number.NaN)
          return logStream(ring, {
            filter,
            level,
            after: Number.isSafeInteger(last) ? last : undefined,
            holds: exchangeOf(request).holds,
          })
        }
        if (prefersHtml(request)) return Response.redirect(`/console/logs${new URL(request.url).search}`, 302)
        const logs = ring.read({ limit: limitOf(query.limit), filter, level })
        return { count: logs.length, logs }
      },
      {
        query: Type.Object(
          {
            limit: Type.Optional(Type.String({ description: `At most ${MAX_LINES}.`, default: '100' })),
            filter: Type.Optional(Type.String({ description: 'A part of the line, in any case.' })),
            level: Type.Optional(Type.String({ description: 'Exactly this level: info, warn, error, …' })),
            replica: Type.Optional(Type.String({ description: '`all` asks every replica of the fleet; today, this one.' })),
          },
          OTHERS_IGNORED,
        ),
        detail: { summary: 'Log lines, newest first; a live tail with Accept: text/event-stream', ...needs('read') },
      },
    )
}

function levelOf(text: string | undefined): LogLevel | undefined {
  if (!text) return undefined
  const name = text.toLowerCase() === 'warning' ? 'warn' : text.toLowerCase()
  const level = LEVELS.find((known) => known === name)
  if (!level) throw invalid('level', `must be one of ${LEVELS.join(', ')}`)
  return level
}

function limitOf(text: string | undefined): number {
  const limit = Math.floor(Number(text))
  return text === undefined || Number.isNaN(limit) ? 100 : Math.min(Math.max(limit, 1), MAX_LINES)
}
