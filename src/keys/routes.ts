import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { needs } from '../http/access.ts'
import { listQuery, pageHeaders, readPage } from '../http/page.ts'
import { askedBy } from '../http/principal.ts'
import { IdParams, idOf } from '../http/validation.ts'
import type { OpenKeyring } from './keyring.ts'
import { Key, MadeKey, NewKey } from './schema.ts'
import type { KeyStore } from './store.ts'

/** `changed` resolves when what the database has is in force on this replica, and announces it to the others. */
export function keyRoutes(keys: KeyStore, keyring: Pick<OpenKeyring, 'usedAt'>, changed: () => Promise<void>) {
  const withUse = (key: Key): Key => {
    const used = keyring.usedAt(key.id)
    const isNewer = used !== undefined && used > Date.parse(key.last_used_at ?? '1970-01-01')
    return isNewer ? { ...key, last_used_at: new Date(used).toISOString() } : key
  }

  return new Elysia({ detail: { tags: ['Access'], ...needs('admin') } })
    .get(
      '/api/keys',
      async ({ query, request, set }) => {
        const page = readPage(query)
        const { rows, total } = await keys.list(page)
        Object.assign(set.headers, pageHeaders(request.url, page, rows, total))
        return rows.map(withUse)
      },
      {
        query: listQuery({}),
        response: { 200: Type.Array(Key) },
        detail: { summary: 'List API keys', description: 'Those revoked or expired too. Never the keys themselves.' },
      },
    )
    .post(
      '/api/keys',
      async ({ body, request, set }) => {
        const made = await keys.create(body, askedBy(request))
        await changed().catch(() => {}) // it is made, and this answer alone has it: it holds as soon as the feed says so
        set.status = 201
        return made
      },
      {
        body: NewKey,
        response: { 201: MadeKey },
        detail: {
          summary: 'Make an API key',
          description: 'The key is in this answer and nowhere else. The first ends open mode for good.',
        },
      },
    )
    .delete(
      '/api/keys/:id',
      async ({ params, request, set }) => {
        await keys.revoke(idOf(params.id, 'Key'), askedBy(request))
        await changed()
        set.status = 204
      },
      {
        params: IdParams,
        response: { 204: Type.Void() },
        detail: {
          summary: 'Revoke an API key',
          description: 'At once here, on all replicas within a second; its sessions end with it.',
        },
      },
    )
}
