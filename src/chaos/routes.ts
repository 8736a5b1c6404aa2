import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { Config } from '../config.ts'
import { looksItself } from '../http/access.ts'
import { sameSecret } from '../http/auth.ts'
import { readJson } from '../http/body.ts'
import { exchangeOf } from '../http/exchange.ts'
import { invalid, Problem } from '../http/problem.ts'
import { type Chaos, FAULTS, type Fault } from './faults.ts'

const MAX_SECONDS = 600
const MAX_LATENCY = 5_000

export function chaosRoutes(chaos: Chaos, config: Config) {
  /** The token suffices, and without one set nobody has it. */
  const authorize = ({ request }: { request: Request }) => {
    const given = request.headers.get('x-chaos-token')
    if (!config.CHAOS_TOKEN || !given || !sameSecret(given, config.CHAOS_TOKEN))
      throw new Problem(401, 'a valid X-Chaos-Token is required')
  }
  const detail = { tags: ['Operations'], ...looksItself('chaosToken') }
  const Fault = Type.Object({
    fault: Type.Optional(
      Type.Union(
        FAULTS.map((name) => Type.Literal(name)),
        { default: 'kill' },
      ),
    ),
    duration: Type.Optional(Type.Number({ description: `Seconds, up to ${MAX_SECONDS}; mandatory but for kill.` })),
    share: Type.Optional(
      Type.Number({
        description:
          'Above 0 to 1: of requests (latency, errors), queries (database), look-ups (cache), the time of every core (cpu), 1 GiB (memory).',
        default: 1,
      }),
    ),
    latency_ms: Type.Optional(Type.Integer({ description: `Added by latency, up to ${MAX_LATENCY}.`, default: 200 })),
  })

  return new Elysia({ detail })
    .onBeforeHandle(authorize)
    .get(
      '/chaos',
      async ({ request, set }) => {
        await chaos.arm('kill', 0, 1, 0, exchangeOf(request).id)
        set.status = 204
      },
      { detail: { summary: 'Drain and exit 75, for the supervisor to restart' } },
    )
    .post(
      '/chaos',
      async ({ request, set }) => {
        const { fault, seconds, share, ms } = await readFault(request)
        await chaos.arm(fault, seconds, share, ms, exchangeOf(request).id)
        set.status = 204
      },
      {
        parse: 'none',
        detail: {
          summary: 'Arm a fault',
          description: 'Without a body: kill.',
          requestBody: { content: { 'application/json': { schema: Fault as never } } },
        },
      },
    )
    .delete(
      '/chaos',
      ({ set }) => {
        chaos.endAll()
        set.status = 204
      },
      { detail: { summary: 'End every fault at once' } },
    )
}

async function readFault(request: Request): Promise<{ fault: Fault; seconds: number; share: number; ms: number }> {
  const hasBody = request.headers.has('content-type') || Number(request.headers.get('content-length') ?? 0) > 0
  const body = hasBody ? await readJson(request) : {}
  const fault = FAULTS.find((known) => known === (body.fault ?? 'kill'))
  if (!fault) throw invalid('fault', `must be one of ${FAULTS.join(', ')}`)
  return {
    fault,
    seconds: fault === 'kill' ? 0 : numberIn(body, 'duration', MAX_SECONDS),
    share: numberIn(body, 'share', 1, 1),
    ms: numberIn(body, 'latency_ms', MAX_LATENCY, 200),
  }
}

function numberIn(body: Record<string, unknown>, field: string, max: number, byDefault?: number): number {
  const value = body[field] ?? byDefault
  if (typeof value !== 'number' || !(value > 0) || value > max) throw invalid(field, `must be a number above 0, at most ${max}`)
  return value
}
