import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { invalid } from '../base/problem.ts'
import { withOwnClicks } from '../clicks/pending.ts'
import type { Recorder } from '../clicks/recorder.ts'
import { fails, needs } from '../http/access.ts'
import { type idempotency, idempotent } from '../http/idempotency.ts'
import { listQuery, pageHeaders, readPage } from '../http/page.ts'
import { askedBy, ownerOf } from '../http/principal.ts'
import { IdParams, idOf, textFilter, tidyName } from '../http/validation.ts'
import { Link } from '../links/schema.ts'
import type { LinkStore } from '../links/store.ts'
import type { linkView } from '../links/view.ts'
import type { Resolver } from '../redirect/resolver.ts'
import { NewUser, User, UserChange, userResource } from './schema.ts'
import type { UserStore } from './store.ts'

type Parts = {
  users: UserStore
  links: LinkStore
  clicks: Recorder
  resolver: Resolver
  once: ReturnType<typeof idempotency>
  view: ReturnType<typeof linkView>
  /** Called after a user and everything of theirs was deleted. */
  userDeleted: () => Promise<void>
}

export function userRoutes({ users, links, clicks, resolver, once, view, userDeleted }: Parts) {
  const change = {
    transform: tidyNames,
    params: IdParams,
    body: UserChange,
    response: { 200: User },
    detail: {
      summary: 'Change a user',
      description: '409 if the username or the e-mail is taken.',
      ...needs('write'),
      ...fails(409),
    },
  }
  const update = async ({ params, body }: { params: { id: string }; body: UserChange }) => {
    if (body.username === undefined && body.email === undefined) throw invalid('body', 'must contain username or email')
    return users.update(idOf(params.id, 'User'), body)
  }

  return new Elysia({ detail: { tags: [userResource.tag] } })
    .post(
      '/users',
      async ({ body, request, set }) =>
        (await once(request, set, body, async () => async (writer) => {
          const user = await users.create(body, writer)
          return { status: 201, location: `/users/${user.id}`, body: user, committed: users.forgetTotal }
        })) as User,
      {
        transform: tidyNames,
        body: NewUser,
        response: { 201: User },
        detail: { summary: 'Create a user', ...idempotent, ...needs('write'), ...fails(409, 422) },
      },
    )
    .get(
      '/users',
      async ({ query, request, set }) => {
        const page = readPage(query)
        const { rows, total } = await users.list(
          { username: textFilter(query, 'username'), email: textFilter(query, 'email') },
          page,
          ownerOf(request),
        )
        Object.assign(set.headers, pageHeaders(request.url, page, rows, total))
        return rows
      },
      {
        query: listQuery({ username: Type.Optional(Type.String()), email: Type.Optional(Type.String()) }),
        response: { 200: Type.Array(User) },
        detail: { summary: 'List users', ...needs('read', { bound: true }) },
      },
    )
    .get('/users/:id', async ({ params, request }) => users.find(idOf(params.id, 'User'), ownerOf(request)), {
      params: IdParams,
      response: { 200: User },
      detail: { summary: 'Get a user', ...needs('read', { bound: true }) },
    })
    .put('/users/:id', update, change)
    .patch('/users/:id', update, change)
    .delete(
      '/users/:id',
      async ({ params, request, set }) => {
        await users.delete(idOf(params.id, 'User'), resolver.changed, askedBy(request))
        await userDeleted()
        set.status = 204
      },
      {
        params: IdParams,
        response: { 204: Type.Void() },
        detail: { summary: 'Delete a user with their links, events and keys', ...needs('write') },
      },
    )
    .get(
      '/users/:id/urls',
      async ({ params, query, request, set }) => {
        const { id } = await users.find(idOf(params.id, 'User'), ownerOf(request))
        const page = readPage(query)
        const { rows, total } = await withOwnClicks(clicks, set.headers, () =>
          links.list({ user_id: id }, page, ownerOf(request)),
        )
        Object.assign(set.headers, pageHeaders(request.url, page, rows, total))
        return rows.map((row) => view(row, request))
      },
      {
        params: IdParams,
        query: listQuery({}),
        response: { 200: Type.Array(Link) },
        detail: { summary: 'Links of a user', ...needs('read', { bound: true }) },
      },
    )
}

/** Trims names before validation, so that surrounding blanks do not count. */
function tidyNames({ body }: { body: unknown }) {
  const fields = body as Record<string, unknown>
  for (const field of ['username', 'email']) {
    const value = fields?.[field]
    if (typeof value === 'string') fields[field] = tidyName(value)
  }
}
