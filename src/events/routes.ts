import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { pendingClicks } from '../clicks/pending.ts'
import type { Recorder } from '../clicks/recorder.ts'
import { needs } from '../http/access.ts'
import { listQuery, pageHeaders, readPage } from '../http/page.ts'
import { ownerOf, ownUser } from '../http/principal.ts'
import { IdParams, idFilter, idOf, textFilter } from '../http/validation.ts'
import { Event, NewEvent } from './schema.ts'
import type { EventStore } from './store.ts'

export function eventRoutes(events: EventStore, clicks: Recorder) {
  return new Elysia({ detail: { tags: ['Events'] } })
    .post(
      '/events',
      async ({ body, request, set }) => {
        const event = await events.create({ ...body, user_id: ownUser(request, body.user_id) }, ownerOf(request))
        set.status = 201
        set.headers.Location = `/events/${event.id}`
        return event
      },
      {
        body: NewEvent,
        response: { 201: Event },
        detail: { summary: 'Write an event', description: 'A `click` of a link counts.', ...needs('write', { bound: true }) },
      },
    )
    .get(
      '/events',
      async ({ query, request, set }) => {
        const page = readPage(query)
        const filter = {
          url_id: idFilter(query, 'url_id'),
          user_id: idFilter(query, 'user_id'),
          event_type: textFilter(query, 'event_type'),
        }
        await pendingClicks(clicks, set.headers)
        const { rows, total } = await events.list(filter, page, ownerOf(request))
        Object.assign(set.headers, pageHeaders(request.url, page, rows, total))
        return rows
      },
      {
        query: listQuery({
          url_id: Type.Optional(Type.String()),
          user_id: Type.Optional(Type.String()),
          event_type: Type.Optional(Type.String()),
        }),
        response: { 200: Type.Array(Event) },
        detail: { summary: 'List events', ...needs('read', { bound: true }) },
      },
    )
    .get('/events/:id', async ({ params, request }) => events.find(idOf(params.id, 'Event'), ownerOf(request)), {
      params: IdParams,
      response: { 200: Event },
      detail: { summary: 'One event', ...needs('read', { bound: true }) },
    })
    .delete(
      '/events/:id',
      async ({ params, request, set }) => {
        await events.delete(idOf(params.id, 'Event'), ownerOf(request))
        set.status = 204
      },
      {
        params: IdParams,
        response: { 204: Type.Void() },
        detail: {
          summary: 'Delete an event',
          description: 'A click is subtracted from its link’s totals.',
          ...needs('write', { bound: true }),
        },
      },
    )
}
