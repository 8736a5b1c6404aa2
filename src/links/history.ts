// The audit log and the statistics of a link, also of a deleted one.
import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { codeMeant } from '../base/wide-code.ts'
import { pendingClicks } from '../clicks/pending.ts'
import type { Recorder } from '../clicks/recorder.ts'
import { LinkStats, StatsQuery } from '../clicks/schema.ts'
import { spanOf } from '../clicks/span.ts'
import { statsOf } from '../clicks/stats.ts'
import type { Database } from '../database/guard.ts'
import { Event } from '../events/schema.ts'
import type { EventStore } from '../events/store.ts'
import { needs } from '../http/access.ts'
import { listQuery, pageHeaders, readPage } from '../http/page.ts'
import { ownerOf } from '../http/principal.ts'
import { IdParams } from '../http/validation.ts'
import { linkResource } from './schema.ts'
import type { LinkStore } from './store.ts'

type Parts = { database: Database; links: LinkStore; events: EventStore; clicks: Recorder }

export function historyRoutes({ database, links, events, clicks }: Parts) {
  return new Elysia({ detail: { tags: [linkResource.tag] } })
    .get(
      '/urls/:id/events',
      async ({ params, query, request, set }) => {
        const { id } = await links.findKept(params.id, ownerOf(request))
        const page = readPage(query)
        await pendingClicks(clicks, set.headers)
        const { rows, total } = await events.list({ url_id: id }, page, ownerOf(request))
        Object.assign(set.headers, pageHeaders(request.url, page, rows, total))
        return rows
      },
      {
        params: IdParams,
        query: listQuery({}),
        response: { 200: Type.Array(Event) },
        detail: { summary: 'Audit log of a link, deleted links included', ...needs('read', { bound: true }) },
      },
    )
    .get(
      '/urls/:id/stats',
      async ({ params, query, request, set }) => {
        const span = spanOf(query)
        await pendingClicks(clicks, set.headers)
        return statsOf(database, await links.findKept(codeMeant(params.id) ?? params.id, ownerOf(request)), span)
      },
      {
        params: Type.Object({ id: Type.String({ description: 'An id or a code.' }) }),
        query: StatsQuery,
        response: { 200: LinkStats },
        detail: { summary: 'Statistics of a link, deleted links included', ...needs('read', { bound: true }) },
      },
    )
}
