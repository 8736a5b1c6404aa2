import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { openToAll } from '../http/access.ts'
import { errorPage, errorPageHeaders, prefersHtml } from '../http/pages.ts'
import { notFound } from '../http/problem.ts'
import type { Limits } from '../limits/limits.ts'
import { CODE } from './code.ts'
import type { Resolver } from './resolver.ts'

const Preview = Type.Object({
  short_code: Type.String(),
  original_url: Type.String(),
  is_active: Type.Boolean(),
  blocked: Type.Boolean({ description: 'Its host is blocked: the link answers 410.' }),
})

/** GET /:code+ says where a link leads, without going there and without counting. */
export function previewRoute(resolver: Resolver, limits: Limits) {
  return new Elysia({ detail: { tags: ['Redirects'] } }).get(
    '/:code',
    async ({ params, request }) => {
      const code = params.code.endsWith('+') ? params.code.slice(0, -1) : ''
      if (limits.limitsRedirects) await limits.take('redirect', request)
      const near = resolver.inMemory(code) ?? resolver.inEdge(code)
      if (!near && resolver.isWhole()) limits.assertLeft('unknown', request)
      const entry = near ?? (CODE.test(code) ? await resolver.find(code) : undefined)
      if (!entry?.location) {
        await limits.take('unknown', request)
        throw notFound('URL')
      }
      const { active, location } = entry.blocked ?? entry
      const blocked = entry.blocked !== undefined
      if (!prefersHtml(request)) return { short_code: code, original_url: entry.location, is_active: active, blocked }
      const note = blocked ? 'This site is blocked here: the link leads nobody on.' : active ? '' : 'The link is switched off.'
      return new Response(errorPage(200, `${code} leads to`, location!, note), { headers: errorPageHeaders }) as never
    },
    {
      params: Type.Object({ code: Type.String({ description: 'A code; with + at its end, the preview.' }) }),
      response: { 200: Preview },
      detail: {
        summary: 'The redirect; with + at the end, where it leads',
        ...openToAll,
        responses: { 302: { description: 'Where the link leads, in Location.' } },
      },
    },
  )
}
