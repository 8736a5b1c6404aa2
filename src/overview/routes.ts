import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { Fleetwide } from '../fleet/ask.ts'
import type { Members } from '../fleet/members.ts'
import { needs } from '../http/access.ts'
import { exchangeOf } from '../http/exchange.ts'
import { invalid, notFound, Problem } from '../http/problem.ts'
import { OTHERS_IGNORED } from '../http/validation.ts'
import { chartOf, join } from './chart.ts'
import type { Gatherer, Of } from './gather.ts'
import { LONGEST, MAX_ROWS, type SampleRing, STEPS, stepOf } from './ring.ts'
import { type Now, Overview, OverviewEvent, Samples } from './schema.ts'
import type { OverviewStream } from './stream.ts'

type Parts = { ring: SampleRing; now: () => Now; members: Members; fleet: Fleetwide; gathering: Gatherer; stream: OverviewStream }

const SHORTEST = 60
const ReplicaParameter = Type.Optional(Type.String({ description: '`all`, or the id of a replica. Unset: this one.' }))

export function overviewRoutes({ ring, now, members, fleet, gathering, stream }: Parts) {
  /** The parameter `replica`. */
  function which({ replica }: { replica?: string }): Of {
    if (!replica || replica === members.self().id) return undefined
    if (replica !== 'all' && !members.find(replica)) throw notFound('Replica')
    return replica
  }

  return new Elysia({ detail: { tags: ['Operations'] } })
    .get(
      '/api/overview',
      async ({ query }) => {
        const of = which(query)
        const window = wholeIn(query, 'window', SHORTEST, LONGEST, 900)
        const step = stepOf(window)
        const to = Math.floor(Date.now() / 1000)
        const gathered = await gathering.gather(of, { from: to - window, to, step })
        if (of === undefined) await fleet.list()
        const samples = chartOf(join(gathered.parts.map(({ table }) => table)))
        return { ...gathering.describe(of, gathered), step, samples }
      },
      {
        query: Type.Object(
          {
            window: Type.Optional(Type.String({ description: `Seconds until now, ${SHORTEST} to ${LONGEST}.`, default: '900' })),
            replica: ReplicaParameter,
          },
          OTHERS_IGNORED,
        ),
        response: { 200: Overview },
        detail: {
          summary: 'How it goes and went: figures over time, and what is wrong now',
          description:
            'With `replica=all` samples of all replicas are added up by time, quantiles from the sum of their histograms; who does not answer within a second is left out.',
          ...needs('read'),
        },
      },
    )
    .get(
      '/api/overview/stream',
      ({ query, request }) => {
        if (!request.headers.get('accept')?.includes('text/event-stream'))
          throw new Problem(406, 'this is a stream of events without an end: ask for it with Accept: text/event-stream')
        const of = which(query)
        if (request.method === 'HEAD') return new Response(null, { headers: { 'Content-Type': 'text/event-stream' } })
        return stream.open(of, request.headers.get('last-event-id'), exchangeOf(request).holds)
      },
      {
        query: Type.Object({ replica: ReplicaParameter }, OTHERS_IGNORED),
        detail: {
          summary: 'The overview each second, as server-sent events',
          description:
            'The id of an event is its second; after Last-Event-ID the seconds missed come first, at most 300, with nothing but their `sample`. ' +
            '`event: skipped` says how many seconds are not told, `event: unanswered` why there is nothing to tell.',
          responses: {
            200: { description: 'Each event’s data.', content: { 'text/event-stream': { schema: OverviewEvent as never } } },
          },
          ...needs('read'),
        },
      },
    )
    .get(
      '/api/overview/samples',
      ({ query }) => {
        const from = wholeIn(query, 'from', 0, 2 ** 32)
        const to = wholeIn(query, 'to', 0, 2 ** 32)
        const step = wholeIn(query, 'step', 1, 60, 1)
        if (!STEPS.some((one) => one.step === step))
          throw invalid('step', `must be one of ${STEPS.map((one) => one.step).join(', ')}`)
        if ((to - from) / step > MAX_ROWS) throw invalid('to', `must be at most ${MAX_ROWS} steps after from`)
        return { replica: members.self(), now: now(), ...ring.read(from, to, step) }
      },
      {
        query: Type.Object(
          {
            from: Type.Optional(Type.String({ description: 'Seconds since 1970.' })),
            to: Type.Optional(Type.String({ description: 'The first second after.' })),
            step: Type.Optional(Type.String({ description: 'Seconds of a sample: 1, 10, 30 or 60.', default: '1' })),
          },
          OTHERS_IGNORED,
        ),
        response: { 200: Samples },
        detail: {
          summary: 'Samples of this replica as they are kept: what replicas ask each other',
          ...needs('read', { peers: true }),
        },
      },
    )
}

function wholeIn(query: Record<string, string | undefined>, field: string, min: number, max: number, byDefault?: number): number {
  const text = query[field]
  if (text === undefined && byDefault !== undefined) return byDefault
  const value = Number(text)
  if (!/^\d{1,10}$/.test(text ?? '') || value < min || value > max)
    throw invalid(field, `must be a whole number from ${min} to ${max}`)
  return value
}
