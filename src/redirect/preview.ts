import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { Limits } from '../access/limits/limits.ts'
import { CODE } from '../base/code.ts'
import { codeBefore } from '../base/ending.ts'
import { notFound } from '../base/problem.ts'
import type { Resource } from '../base/resource.ts'
import { fails, openToAll } from '../http/access.ts'
import { errorPage, errorPageHeaders, prefersHtml } from '../http/pages.ts'
import type { Resolver } from './resolver.ts'

export const redirectResource = { tag: 'Redirects' } satisfies Resource

const Preview = Type.Object({
  short_code: Type.String(),
  original_url: Type.String(),
  is_active: Type.Boolean(),
  blocked: Type.Boolean({ description: 'The host of its target is blocked: the link gets 410.' }),
})

/** GET /:code+ shows where a link leads, without redirecting or counting a click. */
export function previewRoute({ resolver, limits }: { resolver: Resolver; limits: Limits }) {
  return new Elysia({ detail: { tags: [redirectResource.tag] } }).get(
    '/:code',
    async ({ params, request }) => {
      const code = previewed(params.code)
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
      const note = blocked ? 'This destination is blocked; the link does not redirect.' : active ? '' : 'This link is inactive.'
      return new Response(errorPage(200, `${code} leads to`, location!, note), { headers: errorPageHeaders }) as never
    },
    {
      params: Type.Object({ code: Type.String({ description: 'A code; append + for the preview.' }) }),
      response: { 200: Preview },
      detail: {
        summary: 'Redirect; with + at the end, preview the target',
        ...openToAll,
        ...fails(410, 429, 503),
        responses: {
          200: { description: 'The preview.', content: { 'application/json': { schema: Preview as never } } },
          302: { description: 'Redirect; the target is in Location.' },
        },
      },
    },
  )
}

/** The code before the +. A chat may have appended punctuation to either. */
function previewed(text: string): string {
  const [, before = '', after = ''] = /^([^+]+)\+([^+]*)$/.exec(text) ?? []
  if (after !== '' && !codeBefore(`x${after}`)) return ''
  return codeBefore(before) ?? before
}
