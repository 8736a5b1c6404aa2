// GET /logs: a list, a file or a live tail; of this replica, of another, or of the whole fleet.
import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { needs } from '../http/access.ts'
import type { EventStreams } from '../http/event-stream.ts'
import { exchangeOf } from '../http/exchange.ts'
import { prefersHtml } from '../http/pages.ts'
import { principalOf } from '../http/principal.ts'
import { invalid, notFound } from '../http/problem.ts'
import { logFeed } from './log-feed.ts'
import { logFile } from './log-file.ts'
import { type FleetLogs, joined, PAGE } from './log-fleet.ts'
import { LogFilters, readLogQuery } from './log-query.ts'
import { logStream } from './log-stream.ts'
import { logTail } from './log-tail.ts'
import { type LogRing, numbered } from './logs.ts'

type Parts = {
  ring: LogRing
  streams: EventStreams
  logs: FleetLogs
  /** The ids of all replicas. */
  replicas: () => string[]
}

const Line = Type.Object(
  {
    sequence: Type.Integer({ description: 'Grows by one a line, on each replica.' }),
    replica: Type.Optional(Type.String({ description: 'Its id, where `replica` was given.' })),
    level: Type.String(),
    time: Type.String(),
    message: Type.String(),
    request_id: Type.Optional(Type.String()),
    console: Type.Optional(Type.Boolean({ description: 'true: the console itself asked.' })),
  },
  { additionalProperties: true },
)
const Lines = Type.Object({
  count: Type.Integer(),
  logs: Type.Array(Line, { description: 'Newest first.' }),
  stopped: Type.Optional(
    Type.Union([Type.Integer(), Type.Boolean()], {
      description: 'The patterns took too long: the last sequence that was looked at; of several replicas, true.',
    }),
  ),
  asked: Type.Optional(Type.Integer({ description: 'Replicas asked, where `replica` was given.' })),
  answered: Type.Optional(Type.Integer({ description: 'Those that answered in time.' })),
})

export function logRoutes({ ring, streams, logs, replicas }: Parts) {
  const feed = logFeed(logs)
  return new Elysia({ detail: { tags: ['Operations'] } }).get(
    '/logs',
    async ({ query, request }) => {
      const { replica, format = 'json', after } = query
      if (format !== 'ndjson' && format !== 'json') throw invalid('format', 'must be json or ndjson')
      const wanted = readLogQuery(query, logs.self, principalOf(request).by === 'replica' ? PAGE : undefined)
      if (replica && replica !== 'all' && !replicas().includes(replica)) throw notFound('Replica')
      if (replica === 'all' && (wanted.before !== undefined || /^\d+$/.test(after ?? '')))
        throw invalid(wanted.before === undefined ? 'after' : 'before', 'is a line of one replica: name it in replica')

      const { holds } = exchangeOf(request)
      const live = (request.headers.get('accept') ?? '').includes('text/event-stream') && request.method === 'GET' // a HEAD would wait for its end
      if (live) {
        const resume = request.headers.get('last-event-id') || undefined
        if (replica)
          return logTail(feed, { query: wanted, replica: replica === 'all' ? undefined : replica, resume, holds }, streams)
        return logStream(
          ring,
          { ...wanted, after: resume && /^\d{1,15}$/.test(resume) ? Number(resume) : undefined, holds },
          streams,
        )
      }
      if (format === 'ndjson') {
        const all = replica === 'all' ? replicas() : [replica ?? logs.self]
        return logFile(logs, all, wanted, { labelled: replica !== undefined, holds })
      }
      if (prefersHtml(request)) return Response.redirect(`/console/logs${new URL(request.url).search}`, 302)
      if (replica === 'all') {
        const { pages, asked, answered } = await logs.all({ ...wanted, after }, wanted.after)
        const lines = joined(pages).reverse()
        const found = after === undefined ? lines.slice(0, wanted.limit) : lines.slice(-wanted.limit)
        return {
          ...answer(found.map(({ sequence, text, replica }) => numbered(sequence, text, replica))),
          ...(pages.some(({ stopped }) => stopped !== undefined) && { stopped: true }),
          asked,
          answered,
        }
      }
      const { found, stopped } = await logs.one(replica ?? logs.self, wanted)
      return {
        ...answer(found.map(([sequence, text]) => numbered(sequence, text, replica))),
        ...(stopped !== undefined && { stopped }),
        ...(replica && { asked: 1, answered: 1 }),
      }
    },
    {
      query: LogFilters,
      detail: {
        summary: 'Log lines, newest first; a live tail with Accept: text/event-stream',
        description:
          'A tail says `event: skipped` with how many lines were lost to a slow reader; that of several replicas `event: fleet` with how many were asked and answered.',
        ...needs('read', { peers: true }),
        responses: {
          200: {
            description: 'Lines; with format=ndjson a file, the oldest line first.',
            content: { 'application/json': { schema: Lines as never } },
          },
        },
      },
    },
  )
}

const answer = (lines: string[]) => ({ count: lines.length, logs: lines.map((line) => JSON.parse(line)) })
