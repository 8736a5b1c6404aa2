import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { pendingClicks } from '../clicks/pending.ts'
import type { Recorder } from '../clicks/recorder.ts'
import { listQuery, pageHeaders, readPage } from '../http/page.ts'
import { IdParams, idFilter, idOf, textFilter } from '../http/validation.ts'
import { Event, NewEvent } from './schema.ts'
import type { EventStore } from './store.ts'

export function eventRoutes(events: EventStore, clicks: Recorder) {
  return new Elysia({ detail: { tags: ['Events'] } })
    .post(
      '/events',
      async ({ body, set }) => {
        const event = await events.create(body)
        set.status = 201
        set.headers.Location = `/events/${event.id}`
        return event
      },
      {
        body: NewEvent,
        response: { 201: Event },
        detail: { summary: 'Write an event', description: 'A `click` of a link counts.' },
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
        const { rows, total } = await events.list(filter, page)
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
        detail: { summary: 'List events' },
      },
    )
    .get('/events/:id', async ({ params }) => events.find(idOf(params.id, 'Event')), {
      params: IdParams,
      response: { 200: Event },
      detail: { summary: 'One event' },
    })
    .delete(
      '/events/:id',
      async ({ params, set }) => {
        await events.delete(idOf(params.id, 'Event'))
        set.status = 204
      },
      {
        params: IdParams,
        response: { 204: Type.Void() },
        detail: { summary: 'Delete an event', description: 'A click is subtracted from its link’s totals.' },
      },
    )
}
