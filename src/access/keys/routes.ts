import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { fails, needs } from '../../http/access.ts'
import { listQuery, pageHeaders, readPage } from '../../http/page.ts'
import { askedBy } from '../../http/principal.ts'
import { IdParams, idOf } from '../../http/validation.ts'
import type { OpenKeyring } from './keyring.ts'
import { Key, keyResource, MadeKey, NewKey } from './schema.ts'
import type { KeyStore } from './store.ts'

/** `policyChanged` resolves when a change is in force on this replica, and announces it to the others. */
type Parts = { keys: KeyStore; keyring: Pick<OpenKeyring, 'usedAt'>; policyChanged: () => Promise<void> }

export function keyRoutes({ keys, keyring, policyChanged }: Parts) {
  const withUse = (key: Key): Key => {
    const used = keyring.usedAt(key.id)
    const isNewer = used !== undefined && used > Date.parse(key.last_used_at ?? '1970-01-01')
    return isNewer ? { ...key, last_used_at: new Date(used).toISOString() } : key
  }

  return new Elysia({ detail: { tags: [keyResource.tag], ...needs('admin') } })
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
        detail: { summary: 'List API keys', description: 'Includes revoked and expired ones. Never the keys themselves.' },
      },
    )
    .post(
      '/api/keys',
      async ({ body, request, set }) => {
        const made = await keys.create(body, askedBy(request))
        await policyChanged().catch(() => {}) // the key exists, and only this answer has it; it is valid as soon as the change feed reports it
        set.status = 201
        return made
      },
      {
        body: NewKey,
        response: { 201: MadeKey },
        detail: {
          summary: 'Create an API key',
          description: 'Only this answer contains the key. The first key ends open mode for good.',
          ...fails(404, 409),
        },
      },
    )
    .delete(
      '/api/keys/:id',
      async ({ params, request, set }) => {
        await keys.revoke(idOf(params.id, 'Key'), askedBy(request))
        await policyChanged()
        set.status = 204
      },
      {
        params: IdParams,
        response: { 204: Type.Void() },
        detail: {
          summary: 'Revoke an API key',
          description: 'Takes effect at once here, on all replicas within a second; its sessions end with it.',
        },
      },
    )
}
