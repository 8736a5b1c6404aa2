// Times in the format of our PostgreSQL sessions: ISO, in UTC; no other is accepted.

const WRITTEN = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?\+00$/

/** Times that JSON dates cannot express: years from 10000 on and before 1, which Waypost never writes. */
const AFTER_ALL = /^(infinity|\d{5,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?\+00)$/
const BEFORE_ALL = /^(-infinity|\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?\+00 BC)$/
const LAST = '9999-12-31T23:59:59.999Z'
const FIRST = '0001-01-01T00:00:00Z'

/**
 * `2025-09-19 22:25:05.12+00` -> `2025-09-19T22:25:05.12Z`; clamped to the years 1 to 9999, so that one row does not make a list fail. Throws for any
 * other format: day and month could be swapped.
 */
export function isoTime(text: string): string {
  if (WRITTEN.test(text)) return `${text.slice(0, 10)}T${text.slice(11, -3)}Z`
  if (AFTER_ALL.test(text)) return LAST
  if (BEFORE_ALL.test(text)) return FIRST
  throw new Error(`the database sent a time that is not in the format 2025-09-19 22:25:05+00: ${text.slice(0, 40)}`)
}

/** Dates, times without a zone and intervals are never selected; kept as text if they are, because postgres.js would guess. */
export const unread = (text: string) => text
