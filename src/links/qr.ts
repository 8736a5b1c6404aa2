import { Elysia } from 'elysia'
import { qrPng, svgOf } from '../base/qr-code.ts'
import { needs } from '../http/access.ts'
import { asset } from '../http/asset.ts'
import { ownerOf } from '../http/principal.ts'
import { IdParams, idOf } from '../http/validation.ts'
import { QrQuery, readQr } from './qr-query.ts'
import { linkResource } from './schema.ts'
import type { LinkStore } from './store.ts'
import type { linkView } from './view.ts'

type Parts = { links: LinkStore; view: ReturnType<typeof linkView> }
type Asked = { params: { id: string }; query: Record<string, string | undefined>; request: Request }

const KEPT = 'private, no-cache'

/** The QR code of a link's short URL, as files. */
export function qrRoutes({ links, view }: Parts) {
  const read = async ({ params, query, request }: Asked) => {
    const link = await links.find(idOf(params.id, 'URL'), ownerOf(request))
    return readQr(query, view(link, request).short_url)
  }
  const route = (kind: string, type: string) => ({
    params: IdParams,
    query: QrQuery,
    detail: {
      summary: `QR code of a link as ${kind}`,
      ...needs('read', { bound: true }),
      responses: { 200: { description: 'The image.', content: { [type]: { schema: { type: 'string' as const } } } } },
    },
  })
  return new Elysia({ detail: { tags: [linkResource.tag] } })
    .get(
      '/urls/:id/qr.svg',
      async (asked) => {
        const { code, look } = await read(asked)
        return asset({ identity: svgOf(code, look) }, 'image/svg+xml; charset=utf-8').answer(asked.request, KEPT)
      },
      route('SVG', 'image/svg+xml'),
    )
    .get(
      '/urls/:id/qr.png',
      async (asked) => {
        const { code, look } = await read(asked)
        return asset({ identity: await qrPng(code, look) }, 'image/png').answer(asked.request, KEPT)
      },
      route('PNG', 'image/png'),
    )
}
