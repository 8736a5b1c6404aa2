import { Type } from '@sinclair/typebox'
import { flagFilter, idFilter, textFilter } from '../http/validation.ts'

export type LinkFilter = { user_id?: number; is_active?: boolean; blocked?: boolean; code?: string; q?: string }

/** The query parameters that filter links. */
export const LinkFilters = {
  user_id: Type.Optional(Type.String()),
  is_active: Type.Optional(Type.String({ description: 'true or false.' })),
  blocked: Type.Optional(
    Type.String({ description: 'true: only links to a host on /api/blocklist; false: only others. Ignores BLOCKLIST_FILE.' }),
  ),
  code: Type.Optional(Type.String({ description: 'The exact code.' })),
  q: Type.Optional(
    Type.String({
      description: 'Searches code, target and title, ignoring case. A short URL of this server finds its link.',
    }),
  ),
}

/** Throws a 400 that names the parameter. `codeIn` extracts the code from a short URL of this server. */
export function readFilter(query: Record<string, string | undefined>, codeIn: (text: string) => string | undefined): LinkFilter {
  const q = textFilter(query, 'q') || undefined
  const code = textFilter(query, 'code') || undefined
  const fromUrl = q && codeIn(q)
  return {
    ...others(query),
    code: code ?? fromUrl,
    q: fromUrl === undefined || (code !== undefined && code !== fromUrl) ? q : undefined,
  }
}

const others = (query: Record<string, string | undefined>): LinkFilter => ({
  user_id: idFilter(query, 'user_id'),
  is_active: flagFilter(query, 'is_active'),
  blocked: flagFilter(query, 'blocked'),
})
