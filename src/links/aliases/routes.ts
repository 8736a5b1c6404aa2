import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { MAX_ALIASES } from '../../base/code.ts'
import type { Config } from '../../config/config.ts'
import type { Database } from '../../database/guard.ts'
import type { EventStore } from '../../events/store.ts'
import { fails, needs } from '../../http/access.ts'
import { askedBy, ownerOf } from '../../http/principal.ts'
import { IdParams, idOf } from '../../http/validation.ts'
import type { Resolver } from '../../redirect/resolver.ts'
import { assertAllKnow } from '../given.ts'
import { Alias, linkResource, NewAlias } from '../schema.ts'
import { shortUrls } from '../view.ts'
import type { AliasRow, AliasStore } from './store.ts'

type Parts = {
  database: Database
  aliases: AliasStore
  events: EventStore
  resolver: Resolver
  config: Pick<Config, 'PUBLIC_URL'>
}

export function aliasRoutes({ database, aliases, events, resolver, config }: Parts) {
  const shortUrl = shortUrls(config)
  const view = ({ code, created_at }: AliasRow, request: Request) => ({ code, short_url: shortUrl(code, request), created_at })

  return new Elysia({ detail: { tags: [linkResource.tag] } })
    .get(
      '/urls/:id/aliases',
      async ({ params, request }) =>
        (await aliases.list(idOf(params.id, 'URL'), ownerOf(request))).map((alias) => view(alias, request)),
      {
        params: IdParams,
        response: { 200: Type.Array(Alias) },
        detail: {
          summary: 'Aliases of a link',
          description: `Its other codes, the oldest first; at most ${MAX_ALIASES}.`,
          ...needs('read', { bound: true }),
        },
      },
    )
    .post(
      '/urls/:id/aliases',
      async ({ params, body, request, set }) => {
        await assertAllKnow(database, 'code')
        const code = body.code.normalize('NFC')
        const { alias, target } = await aliases.add(idOf(params.id, 'URL'), code, ownerOf(request), askedBy(request))
        resolver.changed([target])
        events.forgetTotal()
        set.status = 201
        return view(alias, request)
      },
      {
        params: IdParams,
        body: NewAlias,
        response: { 201: Alias },
        detail: {
          summary: 'Give a link another code',
          description:
            'It redirects like the link, forever. Its clicks and limits are those of the link. To rename a link, PATCH its short_code.',
          ...needs('write', { bound: true }),
          ...fails(404, 409),
        },
      },
    )
    .delete(
      '/urls/:id/aliases/:code',
      async ({ params, request, set }) => {
        const code = params.code.normalize('NFC')
        resolver.changed([await aliases.remove(idOf(params.id, 'URL'), code, ownerOf(request), askedBy(request))])
        events.forgetTotal()
        set.status = 204
      },
      {
        params: Type.Object({ ...IdParams.properties, code: Type.String({ description: 'The code of the alias.' }) }),
        response: { 204: Type.Void() },
        detail: {
          summary: 'Remove an alias',
          description: 'Its code is never issued to another link. POST returns it to this one.',
          ...needs('write', { bound: true }),
        },
      },
    )
}
