import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { invalid, notFound } from '../base/problem.ts'
import { codeMeant } from '../base/wide-code.ts'
import { pendingClicks, withOwnClicks } from '../clicks/pending.ts'
import type { Recorder } from '../clicks/recorder.ts'
import type { Database, Writer } from '../database/guard.ts'
import type { EventStore } from '../events/store.ts'
import { fails, needs, openToAll } from '../http/access.ts'
import { type Created, type idempotency, idempotent } from '../http/idempotency.ts'
import { pageHeaders, readPage, readSortedPage, sortedCursor } from '../http/page.ts'
import { askedBy, ownerOf, ownUser } from '../http/principal.ts'
import { valuesOf } from '../http/query.ts'
import { flagFilter, IdParams, idOf, OTHERS_IGNORED, textFilter } from '../http/validation.ts'
import type { Resolver } from '../redirect/resolver.ts'
import type { Redirect } from '../redirect/route.ts'
import type { Admission } from './admission.ts'
import { CHANGED } from './columns.ts'
import { purgeLink } from './erase.ts'
import { LinkQuery, readFilter } from './filter.ts'
import type { Change, Reading } from './given.ts'
import { isSearch } from './matches.ts'
import { rankedLinks } from './relevance.ts'
import { resetClicks } from './reset.ts'
import { Link, LinkChange, type LinkRow, linkResource, NewLink, Shorten } from './schema.ts'
import { readSort, sortOf } from './sort.ts'
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
  once: ReturnType<typeof idempotency>
  reading: Reading
  view: ReturnType<typeof linkView>
}

const CHANGES = [...CHANGED, 'add_tags', 'remove_tags'] as const
const FIELDS = CHANGES.join(', ').replace(/, (?=[^,]+$)/, ' or ')
const RENAMES = {
  description: `Changes ${FIELDS}; other fields are ignored. Another short_code renames the link: its old code becomes an alias.`,
}
const linkAnswer = { description: 'The link with this id.', content: { 'application/json': { schema: Link as never } } }
const CREATION = { ...idempotent, ...needs('write', { bound: true }), ...fails(404, 409, 422) }
const REDIRECTED = { 302: { description: 'Redirect; the target is in Location.' } }

export function linkRoutes({ database, links, events, clicks, resolver, redirect, admission, once, reading, view }: Parts) {
  const change = {
    params: IdParams,
    body: LinkChange,
    response: { 200: Link },
    detail: {
      summary: 'Change a link',
      description: `Changes ${FIELDS.replace('short_code, ', '')}; other fields are ignored.`,
      ...needs('write', { bound: true }),
      ...fails(409),
    },
  }
  type Asked = { params: { id: string }; body: LinkChange; request: Request }
  const update = async ({ params, body, request }: Asked) => {
    if (CHANGES.every((name) => body[name] === undefined)) throw invalid('body', `must contain ${FIELDS}`)
    const id = idOf(params.id, 'URL')
    const change = await reading.change(body, request, () => links.find(id, ownerOf(request)))
    return view(await changeLink(id, change, request), request)
  }
  /** Clients send whole objects back, maybe old ones: that must not rename a link. */
  const replace = ({ body: { short_code: _, ...body }, ...asked }: Asked) => update({ ...asked, body })
  const changeLink = async (id: number, change: Change, request: Request): Promise<LinkRow> => {
    const { link, targets } = await links.update(id, change, ownerOf(request), askedBy(request))
    resolver.changed(targets)
    events.forgetTotal()
    return link
  }
  const create =
    ({ reuse, ...given }: NewLink, request: Request, field?: string) =>
    async () => {
      const link = { ...(await reading.newLink({ reuse, ...given }, request, field)), user_id: ownUser(request, given.user_id) }
      return async (writer?: Writer): Promise<Created> => {
        const { link: row, target } = await links[reuse ? 'reuse' : 'create'](link, askedBy(request), writer)
        return {
          status: target ? 201 : 200,
          location: `/urls/${row.id}`,
          body: view(row, request),
          committed() {
            if (!target) return
            resolver.created(target)
            links.forgetTotal()
            events.forgetTotal()
          },
        }
      }
    }

  return new Elysia({ detail: { tags: [linkResource.tag] } })
    .post('/urls', async ({ body, request, set }) => (await once(request, set, body, create(body, request))) as Link, {
      body: NewLink,
      response: { 200: Link, 201: Link },
      detail: { summary: 'Create a link', ...CREATION },
    })
    .post(
      '/shorten',
      async ({ body, request, set }) => {
        const { url, original_url = url, ...rest } = body
        if (original_url === undefined) throw invalid('url', 'is required: give url or original_url')
        const field = original_url === url ? 'url' : 'original_url'
        return (await once(request, set, body, create({ ...rest, original_url }, request, field))) as Link
      },
      {
        body: Shorten,
        response: { 200: Link, 201: Link },
        detail: {
          summary: 'Shorten a URL',
          description: 'Accepts `url` or `original_url`.',
          ...CREATION,
        },
      },
    )
    .get(
      '/urls',
      async ({ query, request, set }) => {
        const filter = readFilter(query, valuesOf(request, 'tag'), admission.codesFor(request))
        const sort = readSort(query)
        if (sort === 'relevance' && isSearch(filter)) {
          const page = readPage(query)
          const { rows, total } = await withOwnClicks(clicks, set.headers, () =>
            rankedLinks(database, filter, page, ownerOf(request)),
          )
          Object.assign(set.headers, pageHeaders(request.url, page, rows, total, null))
          return rows.map((row) => view(row, request))
        }
        // A short URL finds one link, which is the most relevant.
        if (sort && sort !== 'relevance') {
          const page = readSortedPage(query, sort, sortOf(sort).accepts)
          const { rows, total, place } = await withOwnClicks(clicks, set.headers, () =>
            links.sorted(filter, sort, page, ownerOf(request)),
          )
          Object.assign(set.headers, pageHeaders(request.url, page, rows, total, place && sortedCursor(sort, place)))
          return rows.map((row) => view(row, request))
        }
        const page = readPage(query)
        const { rows, total, next } = await withOwnClicks(clicks, set.headers, () => links.list(filter, page, ownerOf(request)))
        Object.assign(set.headers, pageHeaders(request.url, page, rows, total), next && { 'X-Next-Cursor': String(next) })
        return rows.map((row) => view(row, request))
      },
      {
        query: LinkQuery,
        // Documented but not validated: validating 20 of our own rows made a list 15 % slower.
        detail: {
          summary: 'List links',
          ...needs('read', { bound: true }),
          responses: {
            200: {
              description: 'Links, ordered by id or by `sort`.',
              content: { 'application/json': { schema: Type.Array(Link) as never } },
            },
          },
        },
      },
    )
    .get(
      '/urls/:id',
      async ({ params, request, set }) => {
        const id = codeMeant(params.id) ?? params.id
        if (!/^\d+$/.test(id)) return redirect(request, id) as never // a Response, which no schema describes
        await pendingClicks(clicks, set.headers)
        return view(await links.find(idOf(id, 'URL'), ownerOf(request)), request)
      },
      {
        params: Type.Object({ id: Type.String({ description: 'An id. Anything but digits is a code, and redirects.' }) }),
        response: { 200: Link },
        detail: {
          summary: 'Get a link by id, or redirect a code',
          ...needs('read', { bound: true, codes: true }),
          ...fails(410),
          responses: { 200: linkAnswer, ...REDIRECTED },
        },
      },
    )
    .put('/urls/:id', replace, change)
    .patch('/urls/:id', update, { ...change, detail: { ...change.detail, ...RENAMES } })
    .delete(
      '/urls/:id',
      async ({ params, query, request, set }) => {
        const id = idOf(params.id, 'URL')
        const owner = ownerOf(request)
        if (flagFilter(query, 'soft')) return view(await changeLink(id, { is_active: false }, request), request)
        if (flagFilter(query, 'purge')) {
          const targets = await purgeLink(database, id, owner, askedBy(request))
          if (targets.length === 0) throw notFound('URL')
          resolver.changed(targets)
          links.forgetTotal()
        } else resolver.changed(await links.delete(id, textFilter(query, 'reason') || 'manual', owner, askedBy(request)))
        events.forgetTotal()
        set.status = 204
      },
      {
        params: IdParams,
        query: Type.Object(
          {
            soft: Type.Optional(
              Type.String({ description: 'true: only sets is_active to false, and returns 200 with the link.' }),
            ),
            purge: Type.Optional(
              Type.String({
                description: 'true: erases the link, its events and its totals. A `purged` event records the caller.',
              }),
            ),
            reason: Type.Optional(Type.String({ description: 'Kept in the `deleted` event.', default: 'manual' })),
          },
          OTHERS_IGNORED,
        ),
        response: { 200: Link, 204: Type.Void() },
        detail: { summary: 'Delete a link', description: 'Its code is never issued again.', ...needs('write', { bound: true }) },
      },
    )
    .delete(
      '/urls/:id/clicks',
      async ({ params, request, set }) => {
        const id = idOf(params.id, 'URL')
        await pendingClicks(clicks, set.headers)
        await resetClicks(database, id, ownerOf(request), askedBy(request))
        events.forgetTotal()
        set.status = 204
      },
      {
        params: IdParams,
        response: { 204: Type.Void() },
        detail: {
          summary: 'Reset the clicks of a link',
          description:
            'Deletes its clicks, statistics and click events. A `reset` event records the caller and the counts. Clicks from before that other replicas have not stored yet do not count either, as exactly as the clocks agree. max_clicks is not affected.',
          ...needs('write', { bound: true }),
        },
      },
    )
    .get('/urls/:id/redirect', async ({ params: { id }, request }) => redirect(request, id), {
      params: Type.Object({ id: Type.String({ description: 'A code.' }) }),
      detail: {
        summary: 'Redirect a code',
        ...openToAll,
        ...fails(401, 410, 429, 503),
        responses: {
          200: { description: 'The page of a link with a password, a button or limited clicks: see /{code}.' },
          ...REDIRECTED,
        },
      },
    })
}
