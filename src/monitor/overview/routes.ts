import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { invalid, Problem } from '../../base/problem.ts'
import type { Fleetwide } from '../../fleet/ask.ts'
import { chosenIn, ReplicaParameter } from '../../fleet/choice.ts'
import type { Members } from '../../fleet/members.ts'
import { fails, needs } from '../../http/access.ts'
import type { EventStreams } from '../../http/event-stream.ts'
import { exchangeOf } from '../../http/exchange.ts'
import { OTHERS_IGNORED } from '../../http/validation.ts'
import { chartOf, join } from './chart.ts'
import type { Gatherer } from './gather.ts'
import { LONGEST, MAX_ROWS, type SampleRing, STEPS, stepOf } from './ring.ts'
import { type Now, Overview, OverviewEvent, Samples } from './schema.ts'
import type { OverviewStream } from './stream.ts'

type Parts = {
  samples: SampleRing
  now: () => Now
  members: Members
  fleet: Fleetwide
  gathering: Gatherer
  stream: OverviewStream
  streams: EventStreams
  place: string
  recountTotal: () => void
}

const SHORTEST = 60

export function overviewRoutes({ samples: ring, now, members, fleet, gathering, stream, streams, place, recountTotal }: Parts) {
  const which = ({ replica }: { replica?: string }) => chosenIn(replica, members)

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
        const samples = chartOf(join(gathered.tables))
        return { ...gathering.describe(of, gathered), step, samples }
      },
      {
        query: Type.Object(
          {
            window: Type.Optional(
              Type.String({ description: `The last seconds to show, ${SHORTEST} to ${LONGEST}.`, default: '900' }),
            ),
            replica: ReplicaParameter,
          },
          OTHERS_IGNORED,
        ),
        response: { 200: Overview },
        detail: {
          summary: 'Figures over time, and current problems',
          description:
            'With `replica=all`, samples of all replicas are added up by time, and quantiles computed from the sum of their histograms. Replicas that do not answer within a second are left out.',
          ...needs('read'),
        },
      },
    )
    .get(
      '/api/overview/stream',
      ({ query, request }) => {
        if (!request.headers.get('accept')?.includes('text/event-stream'))
          throw new Problem(406, 'this route is an endless event stream: send Accept: text/event-stream')
        const of = which(query)
        if (request.method === 'HEAD') return new Response(null, { headers: { 'Content-Type': 'text/event-stream' } })
        return streams.open(
          stream.follow(of, request.headers.get('last-event-id') ?? undefined),
          exchangeOf(request).stillAuthorised,
        )
      },
      {
        query: Type.Object({ replica: ReplicaParameter }, OTHERS_IGNORED),
        detail: {
          summary: 'The overview every second, as server-sent events',
          description:
            'The id of an event is its second. With Last-Event-ID, the missed seconds come first, at most 300, with only their `sample`. ' +
            '`event: skipped` contains the number of skipped seconds, `event: unanswered` the reason if there is no data.',
          responses: {
            200: { description: 'The data of each event.', content: { 'text/event-stream': { schema: OverviewEvent as never } } },
          },
          ...needs('read'),
          ...fails(406),
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
        recountTotal()
        return { replica: members.self(), place, now: now(), ...ring.read(from, to, step) }
      },
      {
        query: Type.Object(
          {
            from: Type.String({ description: 'Seconds since 1970.' }),
            to: Type.String({ description: 'Seconds since 1970, exclusive.' }),
            step: Type.Optional(Type.String({ description: 'Seconds per sample: 1, 10, 30 or 60.', default: '1' })),
          },
          OTHERS_IGNORED,
        ),
        response: { 200: Samples },
        detail: {
          summary: 'Raw samples of this replica, for other replicas',
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
