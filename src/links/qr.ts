import { Elysia } from 'elysia'
import { inCapitals } from '../base/code.ts'
import { pathOf } from '../base/code-path.ts'
import { invalid } from '../base/problem.ts'
import { qrPng, svgOf } from '../base/qr-code.ts'
import { needs } from '../http/access.ts'
import { asset } from '../http/asset.ts'
import { ownerOf } from '../http/principal.ts'
import { IdParams, idOf } from '../http/validation.ts'
import { QrQuery, readQr } from './qr-query.ts'
import { type LinkRow, linkResource } from './schema.ts'
import type { LinkStore } from './store.ts'
import type { linkView } from './view.ts'

type Parts = { links: LinkStore; view: ReturnType<typeof linkView> }
type Asked = { params: { id: string }; query: Record<string, string | undefined>; request: Request }

const KEPT = 'private, no-cache'

/** The QR code of a link's short URL, as files. */
export function qrRoutes({ links, view }: Parts) {
  const read = async ({ params, query, request }: Asked) => {
    const link = await links.find(idOf(params.id, 'URL'), ownerOf(request))
    const { short_url } = view(link, request)
    const drawn = readQr(query, short_url)
    if (drawn.capitals && !(await isFoundInCapitals(link, short_url)))
      throw invalid('capitals', 'cannot be used for this link: its short URL does not work in capitals')
    return drawn
  }
  async function isFoundInCapitals({ id, short_code }: Pick<LinkRow, 'id' | 'short_code'>, shortUrl: string) {
    const base = new URL(shortUrl).pathname.slice(0, -pathOf(short_code).length) // of PUBLIC_URL: only a proxy knows whether it has another case
    return base === inCapitals(base) && links.leadsTo(inCapitals(short_code), id)
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
