import { invalid, notFound } from '../base/problem.ts'
import { MAX_TAGS } from '../base/tag.ts'
import { hasState } from '../database/sql-state.ts'

/** The problem behind a constraint of `urls` that a client's values violate; any other error as it is. */
export function asProblem(error: unknown): unknown {
  if (hasState(error, 'foreign_key_violation')) return notFound('User')
  const { constraint_name } = error as { constraint_name?: string }
  if (!hasState(error, 'check_violation')) return error
  if (constraint_name === 'urls_window') return endsTooEarly()
  return constraint_name === 'urls_max_tags' ? invalid('tags', `must be at most ${MAX_TAGS}`) : error
}

export const endsTooEarly = () => invalid('valid_until', 'must be after valid_from')
