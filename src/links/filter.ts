import { Type } from '@sinclair/typebox'
import { invalid } from '../base/problem.ts'
import { tagsOf } from '../base/tag.ts'
import { listQuery } from '../http/page.ts'
import { flagFilter, idFilter, textFilter } from '../http/validation.ts'
import type { CodeReader } from './admission.ts'
import { SortParameter } from './sort.ts'
import { STATES, type State } from './state.ts'
import { MAX_TARGET } from './target.ts'

/** `anyCase`: `code` is also found in another case. */
export type LinkFilter = {
  user_id?: number
  is_active?: boolean
  blocked?: boolean
  state?: State
  tagged?: Tagged
  code?: string
  anyCase?: true
  target?: string
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
  code: Type.Optional(
    Type.String({ description: 'The code of a link, or one of its aliases; exact, unless CODES is insensitive.' }),
  ),
  target: Type.Optional(Type.String({ description: 'The exact target, as it was given.' })),
  q: Type.Optional(
    Type.String({
      description:
        'Finds links with all of these words in code, target or title, in any order and case. A word of one or two letters is found only where a word starts. A short URL of this server finds its link.',
    }),
  ),
}

/** The query of GET /urls. */
export const LinkQuery = listQuery({ ...SortParameter, ...LinkFilters })

type Query = Record<string, string | undefined>

/** Throws a 400 that names the parameter. `tags` are all values of `tag`. */
export function readFilter(query: Query, tags: string[], { codeIn, anyCase }: CodeReader): LinkFilter {
  const q = textFilter(query, 'q')?.trim() || undefined
  const code = textFilter(query, 'code')?.normalize('NFC') || undefined
  const fromUrl = q && codeIn(q)
  return {
    ...others(query),
    tagged: taggedFilter(tags.flatMap(listed), query.tags),
    code: code ?? fromUrl,
    anyCase: (anyCase && (code ?? fromUrl) !== undefined) || undefined,
    q: fromUrl === undefined || (code !== undefined && code !== fromUrl) ? q : undefined,
  }
}

/** A filter in a body: the same parameters, as JSON values. Only `all` selects every link: an empty filter may be a mistake. */
export const FilterBody = Type.Object(
  {
    all: Type.Optional(Type.Literal(true, { description: 'Every link. Must be alone.' })),
    ...Object.fromEntries(
      Object.entries(LinkFilters).map(([name, { description }]) => [name, Type.Optional(Type.Unknown({ description }))]),
    ),
  },
  { additionalProperties: false, description: 'The parameters of GET /urls that filter links, or {"all": true}.' },
)

/** Throws a 400 that names the parameter, or the filter if it does not restrict anything. */
export function readFilterBody({ all, ...given }: Record<string, unknown>, codes: CodeReader): LinkFilter {
  const several = Array.isArray(given.tag) ? given.tag : []
  if (several.length > 0 && several.every((tag) => typeof tag === 'string' && tag !== '')) given.tag = several.join()
  const names = Object.keys(given)
  if (all !== undefined && names.length > 0) throw invalid('all', 'must be the only parameter')
  for (const name of names)
    if (!/^(string|number|boolean)$/.test(typeof given[name]) || given[name] === '')
      throw invalid(name, 'must be a text, a number, true or false, and not empty')
  const texts = Object.fromEntries(names.map((name) => [name, String(given[name])]))
  const filter = readFilter(texts, texts.tag === undefined ? [] : [texts.tag], codes)
  if (all === undefined && Object.values(filter).every((value) => value === undefined))
    throw invalid('all', 'must be true, or another parameter must be given')
  return filter
}

const others = (query: Query): LinkFilter => ({
  user_id: idFilter(query, 'user_id'),
  is_active: flagFilter(query, 'is_active'),
  blocked: flagFilter(query, 'blocked'),
  state: stateFilter(query.state),
  target: textFilter(query, 'target', MAX_TARGET) || undefined,
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
