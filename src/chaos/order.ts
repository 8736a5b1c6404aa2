// The JSON of a request to arm a fault, validated.
import { Type } from '@sinclair/typebox'
import { invalid } from '../base/problem.ts'
import { readJson } from '../http/body.ts'
import { FAULTS, type Fault } from './schema.ts'

const MAX_SECONDS = 600
const MAX_LATENCY = 5_000

/** `share`: above 0, at most 1; `ms`: added by latency. */
export type Order = { fault: Fault; seconds: number; share: number; ms: number }

export const OrderBody = Type.Object({
  fault: Type.Optional(
    Type.Union(
      FAULTS.map((name) => Type.Literal(name)),
      { default: 'kill' },
    ),
  ),
  duration: Type.Optional(Type.Number({ description: `Seconds, up to ${MAX_SECONDS}; required except for kill.` })),
  share: Type.Optional(
    Type.Number({
      description:
        'Above 0, at most 1: the share of requests (latency, errors), queries (database), look-ups (cache), time of every core (cpu) or 1 GiB (memory).',
      default: 1,
    }),
  ),
  latency_ms: Type.Optional(Type.Integer({ description: `Milliseconds added by latency, up to ${MAX_LATENCY}.`, default: 200 })),
})

/** Reads the fault; without a body it is kill. Throws Problem 400 for an invalid field. */
export async function readOrder(request: Request): Promise<Order & { by: unknown }> {
  const hasBody = request.headers.has('content-type') || Number(request.headers.get('content-length') ?? 0) > 0
  const body = hasBody ? await readJson(request) : {}
  const fault = FAULTS.find((known) => known === (body.fault ?? 'kill'))
  if (!fault) throw invalid('fault', `must be one of ${FAULTS.join(', ')}`)
  return {
    fault,
    seconds: fault === 'kill' ? 0 : numberIn(body, 'duration', MAX_SECONDS),
    share: numberIn(body, 'share', 1, 1),
    ms: numberIn(body, 'latency_ms', MAX_LATENCY, 200),
    by: body.by,
  }
}

/** The same as JSON, for another replica. */
export const bodyOf = ({ fault, seconds, share, ms }: Order, by: string) => ({
  fault,
  ...(fault !== 'kill' && { duration: seconds }),
  share,
  latency_ms: ms,
  by,
})

function numberIn(body: Record<string, unknown>, field: string, max: number, byDefault?: number): number {
  const value = body[field] ?? byDefault
  if (typeof value !== 'number' || !(value > 0) || value > max)
    throw invalid(field, `must be a number above 0 and at most ${max}`)
  return value
}
