import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { invalid } from '../base/problem.ts'
import { fails, needs } from '../http/access.ts'
import { listQuery, pageHeaders, readPage } from '../http/page.ts'
import { askedBy } from '../http/principal.ts'
import { blockable } from './blocklist.ts'
import { Blocked, BlockedHost, blocklistResource, NewBlockedHost } from './schema.ts'
import type { BlocklistStore } from './store.ts'

/** `policyChanged` resolves when a change is in force on this replica. */
type Parts = { blockedHosts: BlocklistStore; policyChanged: () => Promise<void> }

export function blocklistRoutes({ blockedHosts: store, policyChanged }: Parts) {
  return new Elysia({ detail: { tags: [blocklistResource.tag] } })
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
          description: 'Hosts in BLOCKLIST_FILE are blocked too, but not listed here.',
          ...needs('read'),
        },
      },
    )
    .post(
      '/api/blocklist',
      async ({ body, request, set }) => {
        const host = blockable(body.host.trim())
        if (!host) throw invalid('host', 'must be a host name or IP address without a port, such as evil.example')
        const { created, ...row } = await store.add(host, body.reason ?? null, askedBy(request))
        await policyChanged()
        set.status = created ? 201 : 200
        return { ...row, links: await store.linksTo(host) }
      },
      {
        body: NewBlockedHost,
        response: { 200: Blocked, 201: Blocked },
        detail: {
          summary: 'Block a host',
          description:
            'Links to the host or its subdomains get 410 at once here, and within a second on all replicas. Nobody can create new ones.',
          ...needs('admin'),
          ...fails(409),
        },
      },
    )
    .delete(
      '/api/blocklist/:host',
      async ({ params, request, set }) => {
        await store.remove(blockable(params.host) ?? params.host, askedBy(request))
        await policyChanged()
        set.status = 204
      },
      {
        params: Type.Object({ host: Type.String() }),
        response: { 204: Type.Void() },
        detail: { summary: 'Unblock a host', description: 'Links to the host redirect again.', ...needs('admin') },
      },
    )
}
