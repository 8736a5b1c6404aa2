// GET /api/streams: several live streams over one connection. Over HTTP/1.1 a browser opens six per server, for all its windows together.
import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { invalid, Problem, problemBody } from '../base/problem.ts'
import { fails, needs } from './access.ts'
import type { EventStreams, Start, StreamReader } from './event-stream.ts'
import { exchangeOf } from './exchange.ts'
import { assertStorable, OTHERS_IGNORED } from './validation.ts'

/** Starts the stream of a path; `last` is a Last-Event-ID. Throws a Problem for an invalid query. */
type Source = (query: Record<string, string | undefined>, last: string | undefined) => Start

const MAX_STREAMS = 20

export function streamsRoute(streams: EventStreams, sources: Record<string, Source>) {
  /** Starts one stream, or reports why not: each is independent of the others. */
  function begin(address: string, last: string | undefined, index: number, reader: StreamReader, requestId: string): () => void {
    try {
      const [path = '', search = ''] = address.split(/\?(.*)/s)
      const source = Object.hasOwn(sources, path) ? sources[path] : undefined
      if (!source) throw invalid('of', `must be one of ${Object.keys(sources).join(', ')}, with its query`)
      const query = Object.fromEntries(new URLSearchParams(search))
      assertStorable(query)
      const start = source(query, last)
      reader.event('{}', { event: `${index} open` })
      return start(channel(reader, index))
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      reader.event(JSON.stringify({ status: error.status, ...problemBody(error, requestId) }), { event: `${index} refused` })
      return () => {}
    }
  }

  return new Elysia({ detail: { tags: ['Operations'] } }).get(
    '/api/streams',
    ({ request }) => {
      const { searchParams } = new URL(request.url)
      const lasts = searchParams.getAll('last')
      const asked = searchParams
        .getAll('of')
        .flatMap((address, i) => (address === '' ? [] : [{ address, last: lasts[i] || undefined }]))
      if (asked.length === 0 || asked.length > MAX_STREAMS) throw invalid('of', `must be given 1 to ${MAX_STREAMS} times`)
      if (!request.headers.get('accept')?.includes('text/event-stream'))
        throw new Problem(406, 'this is an endless stream of events: send Accept: text/event-stream')
      if (request.method === 'HEAD') return new Response(null, { headers: { 'Content-Type': 'text/event-stream' } })
      const { id, stillAuthorised } = exchangeOf(request)
      return streams.open((reader) => {
        const ends = asked.map(({ address, last }, index) => begin(address, last, index, reader, id))
        return () => ends.forEach((end) => end())
      }, stillAuthorised)
    },
    {
      query: Type.Object(
        {
          of: Type.Optional(
            Type.Any({
              description: `Repeated, up to ${MAX_STREAMS} times: the address of a stream, such as \`/logs?level=error\` or \`/api/overview/stream\`.`,
            }),
          ),
          last: Type.Optional(Type.Any({ description: 'Repeated: the Last-Event-ID of each, empty for none.' })),
        },
        OTHERS_IGNORED,
      ),
      detail: {
        summary: 'Several live streams over one connection, as server-sent events',
        description:
          'An event’s name starts with the index of its stream in `of`, from 0: `0`, or `0 skipped` for an event `skipped`. `0 open` means that a stream has started, `0 refused` that it has not, with a `status` and an `error`.',
        ...needs('read'),
        ...fails(406),
        responses: { 200: { description: 'Events.', content: { 'text/event-stream': { schema: { type: 'string' } } } } },
      },
    },
  )
}

/** A reader for one stream among several. */
const channel = (reader: StreamReader, index: number): StreamReader => ({
  event: (data, { id, event } = {}) => reader.event(data, { id, event: event ? `${index} ${event}` : `${index}` }),
})
