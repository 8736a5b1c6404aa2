// GET /logs: a list, a file or a live tail; of this replica, of another, or of the whole fleet.
import { Elysia } from 'elysia'
import { invalid, notFound } from '../base/problem.ts'
import { needs } from '../http/access.ts'
import type { EventStreams } from '../http/event-stream.ts'
import { exchangeOf } from '../http/exchange.ts'
import { prefersHtml } from '../http/pages.ts'
import { principalOf } from '../http/principal.ts'
import { numbered } from '../telemetry/logs.ts'
import { logFile } from './file.ts'
import { type FleetLogs, joined, PAGE } from './fleet.ts'
import type { FollowLog } from './follow.ts'
import { LogFilters, readLogQuery } from './query.ts'
import { Lines } from './schema.ts'

type Parts = {
  streams: EventStreams
  logs: FleetLogs
  follow: FollowLog
  /** The ids of all replicas. */
  replicas: () => string[]
}

export function logRoutes({ streams, logs, follow, replicas }: Parts) {
  return new Elysia({ detail: { tags: ['Operations'] } }).get(
    '/logs',
    async ({ query, request }) => {
      const { replica, format = 'json', after } = query
      if (format !== 'ndjson' && format !== 'json') throw invalid('format', 'must be json or ndjson')
      const logQuery = readLogQuery(query, logs.self, principalOf(request).by === 'replica' ? PAGE : undefined)
      if (replica && replica !== 'all' && !replicas().includes(replica)) throw notFound('Replica')
      if (replica === 'all' && (logQuery.before !== undefined || /^\d+$/.test(after ?? '')))
        throw invalid(
          logQuery.before === undefined ? 'after' : 'before',
          'applies to one replica only: name it in the parameter replica',
        )

      const { stillAuthorised } = exchangeOf(request)
      const live = (request.headers.get('accept') ?? '').includes('text/event-stream') && request.method === 'GET' // a HEAD would wait for the end of the stream
      if (live) return streams.open(follow(query, request.headers.get('last-event-id') || undefined), stillAuthorised)
      if (format === 'ndjson') {
        const all = replica === 'all' ? replicas() : [replica ?? logs.self]
        return logFile(logs, all, logQuery, { labelled: replica !== undefined, stillAuthorised })
      }
      if (prefersHtml(request)) return Response.redirect(`/console/logs${new URL(request.url).search}`, 302)
      if (replica === 'all') {
        const { pages, asked, answered } = await logs.all({ ...logQuery, after }, logQuery.after)
        const lines = joined(pages).reverse()
        const found = after === undefined ? lines.slice(0, logQuery.limit) : lines.slice(-logQuery.limit)
        return {
          ...answer(found.map(({ sequence, text, replica }) => numbered(sequence, text, replica))),
          ...(pages.some(({ stopped }) => stopped !== undefined) && { stopped: true }),
          asked,
          answered,
        }
      }
      const { found, stopped } = await logs.one(replica ?? logs.self, logQuery)
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
          'A tail sends `event: skipped` with the number of lines that a slow reader missed. A tail of several replicas sends `event: fleet` with the number of replicas queried and those that answered.',
        ...needs('read', { peers: true }),
        responses: {
          200: {
            description: 'Log lines; with format=ndjson a file, oldest line first.',
            content: { 'application/json': { schema: Lines as never } },
          },
          302: { description: 'Browsers are redirected to the logs page of the console.' },
        },
      },
    },
  )
}

const answer = (lines: string[]) => ({ count: lines.length, logs: lines.map((line) => JSON.parse(line)) })
