import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { invalid } from '../base/problem.ts'
import { pendingClicks } from '../clicks/pending.ts'
import type { Recorder } from '../clicks/recorder.ts'
import { fails, needs } from '../http/access.ts'
import { type idempotency, idempotent } from '../http/idempotency.ts'
import { listQuery, pageHeaders, readPage } from '../http/page.ts'
import { askedBy, ownerOf, ownUser, principalOf } from '../http/principal.ts'
import { IdParams, idFilter, idOf, textFilter } from '../http/validation.ts'
import { Event, eventResource, NewEvent } from './schema.ts'
import type { EventStore } from './store.ts'
import { isSystemType, SYSTEM_TYPES } from './system.ts'

type Parts = { events: EventStore; clicks: Recorder; once: ReturnType<typeof idempotency> }

export function eventRoutes({ events, clicks, once }: Parts) {
  return new Elysia({ detail: { tags: [eventResource.tag] } })
    .post(
      '/events',
      async ({ body, request, set }) => {
        if (isSystemType(body.event_type))
          throw invalid('event_type', `must not be a type that only the server writes (${SYSTEM_TYPES.join(', ')})`)
        const event = { ...body, user_id: ownUser(request, body.user_id) }
        return (await once(request, set, body, async () => async (writer) => {
          const created = await events.create(event, ownerOf(request), askedBy(request), writer)
          return { status: 201, location: `/events/${created.id}`, body: created, committed: events.forgetTotal }
        })) as Event
      },
      {
        body: NewEvent,
        response: { 201: Event },
        detail: {
          summary: 'Write an event',
          description:
            'An event of type `click` counts as a click of its link. Types that only the server writes (created, updated, key_revoked, …) are refused. The server adds the caller to `details` (`by`, `key_id`, `key_name`), and ignores these fields in the body.',
          ...idempotent,
          ...needs('write', { bound: true }),
          ...fails(404, 409, 422),
        },
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
      detail: { summary: 'Get an event', ...needs('read', { bound: true }) },
    })
    .delete(
      '/events/:id',
      async ({ params, request, set }) => {
        await events.delete(idOf(params.id, 'Event'), ownerOf(request), principalOf(request).scope === 'admin')
        set.status = 204
      },
      {
        params: IdParams,
        response: { 204: Type.Void() },
        detail: {
          summary: 'Delete an event',
          description:
            'Deleting a click subtracts it from its link’s totals. Events that the server wrote (created, updated, key_revoked, …) require the scope admin.',
          ...needs('write', { bound: true }),
        },
      },
    )
}
