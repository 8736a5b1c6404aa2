import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { Limits } from '../access/limits/limits.ts'
import { CODE } from '../base/code.ts'
import { codeBefore } from '../base/ending.ts'
import { notFound } from '../base/problem.ts'
import type { Resource } from '../base/resource.ts'
import { Nullable } from '../base/schema.ts'
import { codeMeant, isRoute } from '../base/wide-code.ts'
import { fails, openToAll } from '../http/access.ts'
import { answerPage, prefersHtml } from '../http/pages.ts'
import type { Resolver } from './resolver.ts'
import { stateAt } from './rules.ts'
import type { Target } from './target.ts'

export const redirectResource = { tag: 'Redirects' } satisfies Resource

const Preview = Type.Object({
  short_code: Type.String(),
  original_url: Nullable(Type.String(), {
    description: 'null if visitors must enter a password or spend a click, and if the link does not lead there now.',
  }),
  is_active: Type.Boolean(),
  blocked: Type.Boolean({ description: 'The host of its target is blocked: the link gets 410.' }),
  state: Type.String({ description: 'blocked, inactive, expired, used_up or active; a scheduled link is not found.' }),
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
      const entry = near ?? (CODE.test(code) || (code && !resolver.isWhole()) ? await resolver.find(code) : undefined)
      const seen = entry && seenOf(entry, Date.now())
      if (!entry || !seen) {
        await limits.take('unknown', request)
        throw notFound('URL')
      }
      const { state, original_url, is_active } = seen
      if (!prefersHtml(request)) return { short_code: entry.code, original_url, is_active, blocked: state === 'blocked', state }
      const page = { title: `${entry.code} leads to`, text: original_url ?? HIDDEN, note: NOTES[state] }
      return answerPage(200, page) as never // a Response, which no schema describes
    },
    {
      params: Type.Object({ code: Type.String({ description: 'A code; append + for the preview.' }) }),
      response: { 200: Preview },
      detail: {
        summary: 'Redirect; with + at the end, preview the target',
        description:
          'A visit of a link with `password` or `confirm` gets a page. Its form is a POST to the same address (application/x-www-form-urlencoded, `password=…`), which gets 303. With `max_clicks`, bots and HEAD get a page, too. Programs send the password as `Authorization: Basic`, with any user name. A prefetch of such a link gets 503.',
        ...openToAll,
        ...fails(401, 410, 429, 503),
        responses: {
          200: {
            description: 'The preview, or the page or card of a link.',
            content: { 'application/json': { schema: Preview as never } },
          },
          302: { description: 'Redirect; the target is in Location.' },
        },
      },
    },
  )
}

const HIDDEN = 'Open the link to see where it leads.'

const NOTES: Record<State, string> = {
  blocked: 'This destination is blocked; the link does not redirect.',
  inactive: 'This link is inactive.',
  expired: 'This link has expired.',
  used_up: 'This link has been used up.',
  active: '',
}

type State = 'blocked' | 'inactive' | Exclude<ReturnType<typeof stateAt>, 'scheduled'>

/**
 * The content of a preview. The target is null if a visit needs a password or spends a click, and if the link does not lead there now. Undefined if
 * there is no such link, or not yet.
 */
function seenOf(entry: Target, now: number): { state: State; is_active: boolean; original_url: string | null } | undefined {
  if (entry.location === null) return undefined
  const { ruled, blocked } = entry
  const { active } = blocked ?? ruled?.link ?? entry
  const state = blocked ? 'blocked' : !active ? 'inactive' : ruled ? stateAt(ruled, now) : 'active'
  if (state === 'scheduled') return undefined
  const open = entry.extra === null || (ruled && state === 'active' && !ruled.password && !ruled.click_limit)
  return { state, is_active: active, original_url: open ? entry.location : null }
}

/** The code before the +, or ''. A chat may have appended punctuation to either. */
function previewed(text: string): string {
  const [, before = '', after = ''] = /^(.+)\+([^+]*)$/s.exec(text) ?? []
  return after !== '' && !codeBefore(`x${after}`) ? '' : (codeMeant(before) ?? '')
}

/** The path of the preview of a wide code, in one segment as the route needs it: `/brand%2Fsale+` for `/brand/sale+`. Undefined for other paths. */
export function previewPath(path: string): string | undefined {
  if (!PREVIEW_BELOW.test(path) || isRoute(path)) return undefined
  return `/${path.slice(1).replaceAll('/', '%2F')}`
}

const PREVIEW_BELOW = /^\/.+\/[^/]+(?:\+|%2B)[^/]*$/i
