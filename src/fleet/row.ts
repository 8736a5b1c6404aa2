// A row of `replicas`, which anyone with access to the database may write: checked before it is shown, and before its URL is queried.
import type { Replica } from './schema.ts'

/** Another replica, from the database; `age` in ms since its last heartbeat, by the database's clock. */
export type Row = Omit<Replica, 'self' | 'seen_at'> & { age: number }

/** No control characters, blanks or direction marks. */
const NAME = /^[^\p{C}\p{Z}]+$/u

type Check = { [name in keyof Row]: (value: unknown) => boolean }

const isName = (longest: number) => (value: unknown) => typeof value === 'string' && value.length <= longest && NAME.test(value)
const isFigure = (value: unknown) => typeof value === 'number' && Number.isFinite(value) && value >= 0

const checks: Check = {
  id: isName(36),
  slot: (value) => Number.isInteger(value) && (value as number) >= 0,
  hostname: isName(255),
  url: (value) => value === null || isAskable(value),
  version: isName(64),
  state: isName(32),
  rate: isFigure,
  started_at: isName(40),
  age: isFigure,
}

/** The first invalid column of a row, as a sentence; undefined if all are valid. */
export function faultIn(row: Partial<Record<keyof Row, unknown>>): string | undefined {
  const wrong = (Object.keys(checks) as (keyof Row)[]).find((name) => !checks[name](row[name]))
  return wrong && `its ${wrong === 'age' ? 'seen_at' : wrong} is invalid`
}

/** Whether `url` is a valid ADVERTISE_URL: http or https, a host and a port, and nothing else. */
export function isAskable(url: unknown): url is string {
  if (typeof url !== 'string' || url.length > 2_048) return false
  const { protocol, origin, href } = URL.parse(url) ?? {}
  return /^https?:$/.test(protocol ?? '') && href === `${origin}/`
}
