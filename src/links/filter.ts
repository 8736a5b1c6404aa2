import { Type } from '@sinclair/typebox'
import { invalid } from '../base/problem.ts'
import { tagsOf } from '../base/tag.ts'
import { listQuery } from '../http/page.ts'
import { valuesOf } from '../http/query.ts'
import { flagFilter, idFilter, textFilter } from '../http/validation.ts'
import { STATES, type State } from './state.ts'

export type LinkFilter = {
  user_id?: number
  is_active?: boolean
  blocked?: boolean
  state?: State
  tagged?: Tagged
  code?: string
  q?: string
}

/** Which of the tags a link must have. */
const MATCHES = ['all', 'any', 'none'] as const
export type Tagged = { tags: string[]; match: (typeof MATCHES)[number] }

/** The query parameters that filter links. */
export const LinkFilters = {
  user_id: Type.Optional(Type.String()),
  is_active: Type.Optional(Type.String({ description: 'true or false.' })),
  blocked: Type.Optional(
    Type.String({ description: 'true: only links to a host on /api/blocklist; false: only others. Ignores BLOCKLIST_FILE.' }),
  ),
  state: Type.Optional(Type.String({ description: `${STATES.join(', ')}. blocked ignores BLOCKLIST_FILE.` })),
  tag: Type.Optional(Type.String({ description: 'A tag, ignoring case. Several: tag=a,b or tag=a&tag=b.' })),
  tags: Type.Optional(Type.String({ description: 'all, any or none: which of the tags a link must have.', default: 'all' })),
  code: Type.Optional(Type.String({ description: 'The exact code.' })),
  q: Type.Optional(
    Type.String({
      description: 'Searches code, target and title, ignoring case. A short URL of this server finds its link.',
    }),
  ),
}

/** The query of GET /urls. */
export const LinkQuery = listQuery(LinkFilters)

type Query = Record<string, string | undefined>

/** Throws a 400 that names the parameter. `codeIn` extracts the code from a short URL of this server. */
export function readFilter(query: Query, request: Request, codeIn: (text: string) => string | undefined): LinkFilter {
  const q = textFilter(query, 'q') || undefined
  const code = textFilter(query, 'code') || undefined
  const fromUrl = q && codeIn(q)
  return {
    ...others(query),
    tagged: taggedFilter(valuesOf(request, 'tag').flatMap(listed), query.tags),
    code: code ?? fromUrl,
    q: fromUrl === undefined || (code !== undefined && code !== fromUrl) ? q : undefined,
  }
}

const others = (query: Query): LinkFilter => ({
  user_id: idFilter(query, 'user_id'),
  is_active: flagFilter(query, 'is_active'),
  blocked: flagFilter(query, 'blocked'),
  state: stateFilter(query.state),
})

const listed = (text: string) => text.split(',').filter((tag) => tag.trim() !== '')

function taggedFilter(tags: string[], text = 'all'): Tagged | undefined {
  const match = MATCHES.find((one) => one === text)
  if (!match) throw invalid('tags', `must be ${MATCHES.join(', ').replace(/, (?=\w+$)/, ' or ')}`)
  return tags.length === 0 ? undefined : { tags: tagsOf(tags, 'tag'), match }
}

function stateFilter(text: string | undefined): State | undefined {
  const state = STATES.find((one) => one === text)
  if (text !== undefined && !state) throw invalid('state', `must be one of ${STATES.join(', ')}`)
  return state
}
