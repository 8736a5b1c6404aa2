import { Type } from '@sinclair/typebox'
import { flagFilter, idFilter, textFilter } from '../http/validation.ts'

export type LinkFilter = { user_id?: number; is_active?: boolean; blocked?: boolean; q?: string }

/** The query parameters that choose links. */
export const LinkFilters = {
  user_id: Type.Optional(Type.String()),
  is_active: Type.Optional(Type.String({ description: 'true or false.' })),
  blocked: Type.Optional(
    Type.String({ description: 'true: those that lead to a host of /api/blocklist. BLOCKLIST_FILE is not looked at.' }),
  ),
  q: Type.Optional(Type.String({ description: 'Found in code, target or title, in any case.' })),
}

/** Throws a 400 that names the parameter. */
export const readFilter = (query: Record<string, string | undefined>): LinkFilter => ({
  user_id: idFilter(query, 'user_id'),
  is_active: flagFilter(query, 'is_active'),
  blocked: flagFilter(query, 'blocked'),
  q: textFilter(query, 'q') || undefined,
})
