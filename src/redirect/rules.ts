// The rules of a link for its redirects, compiled once from `extra` when the link enters memory.
import { isPasswordHash } from './password-hash.ts'

import type { Target } from './target.ts'

/** The keys of `extra`, which link_extra in sql/ writes; times in ms since 1970. */
type Extra = {
  valid_from?: number
  valid_until?: number
  expired_url?: string
  /** Names the limit on clicks: see allowance.ts. */
  click_limit?: number
  used_up?: true
  forward_query?: 'add' | 'override'
  forward_path?: true
  /** A hash by argon2 or bcrypt. */
  password?: string
  confirm?: true
  noindex?: boolean
  card?: Card
}

export type Card = { title?: string; description?: string; image?: string }

/** `link` is the link as stored, safe to redirect to. */
export type Rules = Omit<Extra, 'valid_from' | 'valid_until'> & { link: Target; valid_from: number; valid_until: number }

type Check = { [K in keyof Required<Extra>]: (value: unknown) => boolean }

const isTime = (value: unknown) => Number.isSafeInteger(value)
const isText = (value: unknown) => typeof value === 'string'
const isTrue = (value: unknown) => value === true

const CHECKS: Check = {
  valid_from: isTime,
  valid_until: isTime,
  expired_url: isText,
  click_limit: isTime,
  used_up: isTrue,
  forward_query: (value) => value === 'add' || value === 'override',
  forward_path: isTrue,
  password: (value) => typeof value === 'string' && isPasswordHash(value),
  confirm: isTrue,
  noindex: (value) => typeof value === 'boolean',
  card: (value) => typeof value === 'object' && value !== null && Object.values(value).every(isText),
}

/**
 * Compiles the rules of an active link. `safe` gives a URL as it may be sent, null if it must not be: then the link has no expired_url. Keys of
 * a later release are ignored. Undefined if `extra` is invalid: the link may be protected, so it must not redirect.
 */
export function rulesOf(link: Target, safe: (url: string) => string | null): Rules | undefined {
  let extra: Extra
  try {
    extra = JSON.parse(link.extra!)
  } catch {
    return undefined
  }
  if (typeof extra !== 'object' || extra === null) return undefined
  for (const [key, check] of Object.entries(CHECKS)) {
    const value = extra[key as keyof Extra]
    if (value !== undefined && !check(value)) return undefined
  }
  const { valid_from = Number.NEGATIVE_INFINITY, valid_until = Number.POSITIVE_INFINITY, expired_url, ...rest } = extra
  return { ...rest, link, valid_from, valid_until, expired_url: (expired_url && safe(expired_url)) ?? undefined }
}

export type State = 'scheduled' | 'active' | 'expired' | 'used_up'

/** The state of an active link at `now`, ms since 1970. */
export function stateAt(
  { valid_from, valid_until, used_up }: Pick<Rules, 'valid_from' | 'valid_until'> & { used_up?: boolean },
  now: number,
): State {
  if (now >= valid_until) return 'expired'
  if (used_up) return 'used_up'
  return now < valid_from ? 'scheduled' : 'active'
}
