import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { needs } from '../http/access.ts'
import { listQuery, pageHeaders, readPage } from '../http/page.ts'
import { askedBy } from '../http/principal.ts'
import { invalid } from '../http/problem.ts'
import { blockable } from './blocklist.ts'
import { Blocked, BlockedHost, NewBlockedHost } from './schema.ts'
import type { BlocklistStore } from './store.ts'

/** `changed` resolves when what the database has is in force on this replica, and announces it to the others. */
export function blocklistRoutes(store: BlocklistStore, changed: () => Promise<void>) {
  return new Elysia({ detail: { tags: ['Operations'] } })
    .get(
      '/api/blocklist',
      async ({ query, request, set }) => {
        const page = readPage(query)
        const { rows, total } = await store.list(page)
        Object.assign(set.headers, pageHeaders(request.url, page, rows, total))
        return rows
      },
      {
        query: listQuery({}),
        response: { 200: Type.Array(BlockedHost) },
        detail: {
          summary: 'List blocked hosts',
          description: 'Those of BLOCKLIST_FILE are blocked too and are not listed.',
          ...needs('read'),
        },
      },
    )
    .post(
      '/api/blocklist',
      async ({ body, request, set }) => {
        const host = blockable(body.host.trim())
        if (!host) throw invalid('host', 'must be the name or address of a host, without a port: evil.example')
        const { made, ...row } = await store.add(host, body.reason ?? null, askedBy(request))
        await changed()
        set.status = made ? 201 : 200
        return { ...row, links: await store.linksTo(host) }
      },
      {
        body: NewBlockedHost,
        response: { 200: Blocked, 201: Blocked },
        detail: {
          summary: 'Block a host',
          description:
            'Every link to it, or to a name below it, answers 410 at once, on all replicas within a second; no new one can be made.',
          ...needs('admin'),
        },
      },
    )
    .delete(
      '/api/blocklist/:host',
      async ({ params, request, set }) => {
        await store.remove(blockable(params.host) ?? params.host, askedBy(request))
        await changed()
        set.status = 204
      },
      {
        params: Type.Object({ host: Type.String() }),
        response: { 204: Type.Void() },
        detail: { summary: 'Unblock a host', description: 'Its links lead there again.', ...needs('admin') },
      },
    )
}
