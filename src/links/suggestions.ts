import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { invalid } from '../base/problem.ts'
import type { Database } from '../database/guard.ts'
import { needs } from '../http/access.ts'
import { ownerOf } from '../http/principal.ts'
import { valuesOf } from '../http/query.ts'
import { OTHERS_IGNORED, textFilter } from '../http/validation.ts'
import type { Admission } from './admission.ts'
import { LinkFilters, readFilter } from './filter.ts'
import { linkResource, Suggestion } from './schema.ts'
import { similarSearches } from './similar.ts'

export function suggestionRoute({ database, admission }: { database: Database; admission: Admission }) {
  return new Elysia().get(
    '/api/suggestions/links',
    async ({ query, request }) => {
      const text = textFilter(query, 'q')?.trim()
      if (!text) throw invalid('q', 'is required')
      const { q, ...filter } = readFilter(query, valuesOf(request, 'tag'), admission.codesFor(request))
      const found = q === undefined ? [] : await similarSearches(database, q, filter, ownerOf(request))
      return found.map((q) => ({ q }))
    },
    {
      query: Type.Object(LinkFilters, OTHERS_IGNORED),
      response: { 200: Type.Array(Suggestion) },
      detail: {
        tags: [linkResource.tag],
        summary: 'Suggest other searches',
        description:
          'For a search that finds nothing: at most three others, in which a word that no link has is replaced by a similar one.',
        ...needs('read', { bound: true }),
      },
    },
  )
}
