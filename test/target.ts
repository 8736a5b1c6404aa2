import { COLUMNS, NAMES } from '../src/redirect/columns.ts'
import type { Target } from '../src/redirect/target.ts'

type Nullable = { [N in keyof typeof COLUMNS]: (typeof COLUMNS)[N] extends { nullable: true } ? N : never }[keyof typeof COLUMNS]

const nullable = NAMES.filter((name) => 'nullable' in COLUMNS[name])
const NOTHING = Object.fromEntries(nullable.map((name) => [name, null])) as Record<Nullable, null>

/** The target of a link that is on, as it is made. What may be null is, but for the location. */
export const target = (code: string, more: Partial<Target> = {}): Target => ({
  ...NOTHING,
  code,
  id: 1,
  location: `https://example.com/${code}`,
  active: true,
  version: 1,
  ...more,
})
