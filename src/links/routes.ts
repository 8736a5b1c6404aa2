import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { pendingClicks, withOwnClicks } from '../clicks/pending.ts'
import type { Recorder } from '../clicks/recorder.ts'
import { spanOf } from '../clicks/span.ts'
import { LinkStats, StatsQuery, statsOf } from '../clicks/stats.ts'
import type { Database } from '../database/guard.ts'
import type { Owner } from '../database/ownership.ts'
import { Event } from '../events/schema.ts'
import type { EventStore } from '../events/store.ts'
import { needs, openToAll } from '../http/access.ts'
import { listQuery, pageHeaders, readPage } from '../http/page.ts'
import { ownerOf, ownUser } from '../http/principal.ts'
import { invalid, notFound } from '../http/problem.ts'
import { flagFilter, IdParams, idOf, OTHERS_IGNORED, textFilter } from '../http/validation.ts'
import type { Resolver } from '../redirect/resolver.ts'
import type { Redirect } from '../redirect/route.ts'
import type { Admission } from './admission.ts'
import { purgeLink } from './erase.ts'
import { LinkFilters, readFilter } from './filter.ts'
import { Link, LinkChange, type LinkRow, NewLink, Shorten } from './schema.ts'
import type { LinkStore } from './store.ts'
import type { linkView } from './view.ts'

type Parts = {
  database: Database
  links: LinkStore
  events: EventStore
  clicks: Recorder
  resolver: Resolver
  redirect: Redirect
  admission: Admission
  view: ReturnType<typeof linkView>
}

export function linkRoutes({ database, links, events, clicks, resolver, redirect, admission, view }: Parts) {
  const change = {
    params: IdParams,
    body: LinkChange,
    response: { 200: Link },
    detail: {
      summary: 'Change a link',
      description: 'title, original_url, is_active; other fields of the object are ignored.',
      ...needs('write', { bound: true }),
    },
  }
  const update = async ({ params, body, request }: { params: { id: string }; body: LinkChange; request: Request }) => {
    if (body.title === undefined && body.original_url === undefined && body.is_active === undefined)
      throw invalid('body', 'must have title, original_url or is_active')
    const refused = body.original_url === undefined ? undefined : admission.refusal(body.original_url, request)
    // Clients send the whole object back: a target that is not admitted any more may stay while the rest changes.
    if (refused && (await links.find(idOf(params.id, 'URL'), ownerOf(request))).original_url !== body.original_url)
      throw invalid('original_url', refused)
    return view(await changeLink(idOf(params.id, 'URL'), body, ownerOf(request)), request)
  }
  const changeLink = async (id: number, change: LinkChange, owner: Owner): Promise<LinkRow> => {
    const { link, target } = await links.update(id, change, owner)
    resolver.changed([target])
    events.forgetTotal()
    return link
  }
  const makeLink = async (link: NewLink, request: Request): Promise<LinkRow> => {
    const made = await links.create({ ...link, user_id: ownUser(request, link.user_id) })
    resolver.created(made.target)
    events.forgetTotal()
    return made.link
  }

  return new Elysia({ detail: { tags: ['Links'] } })
    .post(
      '/urls',
      async ({ body, request, set }) => {
        admission.assert(body.original_url, request)
        const link = await makeLink(body, request)
        set.status = 201
        set.headers.Location = `/urls/${link.id}`
        return view(link, request)
      },
      { body: NewLink, response: { 201: Link }, detail: { summary: 'Create a link', ...needs('write', { bound: true }) } },
    )
    .post(
      '/shorten',
      async ({ body: { url, original_url = url, ...rest }, request, set }) => {
        if (original_url === undefined) throw invalid('url', 'is required')
        admission.assert(original_url, request, original_url === url ? 'url' : 'original_url')
        const link = await makeLink({ ...rest, original_url }, request)
        set.status = 201
        set.headers.Location = `/urls/${link.id}`
        return view(link, request)
      },
      {
        body: Shorten,
        response: { 201: Link },
        detail: { summary: 'Shorten a URL', description: 'Takes `url` or `original_url`.', ...needs('write', { bound: true }) },
      },
    )
    .get(
      '/urls',
      async ({ query, request, set }) => {
        const page = readPage(query)
        const filter = readFilter(query)
        const { rows, total } = await withOwnClicks(clicks, set.headers, () => links.list(filter, page, ownerOf(request)))
        Object.assign(set.headers, pageHeaders(request.url, page, rows, total))
        return rows.map((row) => view(row, request))
      },
      {
        query: listQuery(LinkFilters),
        // Described, not checked: checking 20 rows of our own made a list 15 % slower.
        detail: {
          summary: 'List links',
          ...needs('read', { bound: true }),
          responses: {
            200: { description: 'Links, by id.', content: { 'application/json': { schema: Type.Array(Link) as never } } },
          },
        },
      },
    )
    .get(
      '/urls/:id',
      async ({ params: { id }, request, set }) => {
        if (!/^\d+$/.test(id)) return redirect(request, id) as never // a Response, which no schema describes
        await pendingClicks(clicks, set.headers)
        return view(await links.find(idOf(id, 'URL'), ownerOf(request)), request)
      },
      {
        params: Type.Object({ id: Type.String({ description: 'An id; anything but digits is a code, and redirects.' }) }),
        response: { 200: Link },
        detail: { summary: 'One link by id, or the redirect of a code', ...needs('read', { bound: true, codes: true }) },
      },
    )
    .put('/urls/:id', update, change)
    .patch('/urls/:id', update, change)
    .delete(
      '/urls/:id',
      async ({ params, query, request, set }) => {
        const id = idOf(params.id, 'URL')
        const owner = ownerOf(request)
        if (flagFilter(query, 'soft')) return view(await changeLink(id, { is_active: false }, owner), request)
        if (flagFilter(query, 'purge')) {
          const target = await purgeLink(database, id, owner)
          if (!target) throw notFound('URL')
          resolver.changed([target])
          links.forgetTotal()
        } else resolver.changed([await links.delete(id, textFilter(query, 'reason') || 'manual', owner)])
        events.forgetTotal()
        set.status = 204
      },
      {
        params: IdParams,
        query: Type.Object(
          {
            soft: Type.Optional(
              Type.String({ description: 'true: only sets is_active to false, and answers 200 with the link.' }),
            ),
            purge: Type.Optional(Type.String({ description: 'true: erases the link, its events and its totals.' })),
            reason: Type.Optional(Type.String({ description: 'Kept in the `deleted` event.', default: 'manual' })),
          },
          OTHERS_IGNORED,
        ),
        response: { 200: Link, 204: Type.Void() },
        detail: { summary: 'Delete a link', description: 'Its code is never issued again.', ...needs('write', { bound: true }) },
      },
    )
    .get('/urls/:id/redirect', async ({ params: { id }, request }) => redirect(request, id), {
      params: Type.Object({ id: Type.String({ description: 'A code.' }) }),
      detail: {
        summary: 'The redirect of a code',
        ...openToAll,
        responses: { 302: { description: 'Where the link leads, in Location.' } },
      },
    })
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
        detail: { summary: 'Audit log of a link, also of a deleted one', ...needs('read', { bound: true }) },
      },
    )
    .get(
      '/urls/:id/stats',
      async ({ params, query, request, set }) => {
        const span = spanOf(query)
        await pendingClicks(clicks, set.headers)
        return statsOf(database, await links.findKept(params.id, ownerOf(request)), span)
      },
      {
        params: Type.Object({ id: Type.String({ description: 'An id or a code.' }) }),
        query: StatsQuery,
        response: { 200: LinkStats },
        detail: { summary: 'Statistics of a link, also of a deleted one', ...needs('read', { bound: true }) },
      },
    )
}
