const LONGEST_WAIT = 15

/** Seconds until the next try: 1, 2, 4, …, 15, but at least `retryAfter`. */
export const waitAfter = (failures: number, { retryAfter = 0 } = {}): number =>
  Math.max(retryAfter, Math.min(2 ** failures, LONGEST_WAIT))
