import { MAX_ALIASES } from '../base/code.ts'
import { conflict, invalid, notFound, Problem } from '../base/problem.ts'
import { MAX_TAGS } from '../base/tag.ts'
import { hasState } from '../database/sql-state.ts'

/** The problem behind a constraint of `urls` that a client's values violate; any other error as it is. */
export function asProblem(error: unknown): unknown {
  if (hasState(error, 'foreign_key_violation')) return notFound('User')
  const { constraint_name } = error as { constraint_name?: string }
  return (constraint_name && PROBLEMS[constraint_name]?.()) || error
}

const PROBLEMS: Record<string, () => Problem> = {
  urls_window: () => endsTooEarly(),
  urls_max_tags: () => invalid('tags', `must be at most ${MAX_TAGS}`),
  urls_short_code_key: () => taken(),
  urls_aliases: () => new Problem(409, `a link has at most ${MAX_ALIASES} aliases: remove one first`),
}

export const taken = () => conflict('short_code', 'this short_code is already taken')

export const endsTooEarly = () => invalid('valid_until', 'must be after valid_from')
