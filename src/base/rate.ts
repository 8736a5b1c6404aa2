// The syntax of rate limits in settings, and their meaning.

/** `count` requests per `window` microseconds; a client that was idle that long may use all of them at once. */
export type Rate = { count: number; window: number; cost: number }

const UNITS: Record<string, number> = {
  ...{ s: 1, sec: 1, second: 1, m: 60, min: 60, minute: 60 },
  ...{ h: 3_600, hour: 3_600, d: 86_400, day: 86_400 },
}
const MAX_COUNT = 1_000_000

/** `60/min`, `10/s`, `1000/h`, `5000/day`; undefined for `off`. Throws an Error: the end of a sentence that starts with the setting's name. */
export function rateOf(text: string): Rate | undefined {
  if (text.toLowerCase() === 'off') return undefined
  const [, digits, unit] = /^(\d{1,7})\s*\/\s*([a-z]+)$/i.exec(text) ?? []
  const count = Number(digits)
  if (!unit || !Object.hasOwn(UNITS, unit.toLowerCase()) || count < 1 || count > MAX_COUNT)
    throw new Error(`must look like 60/min (s, min, h, day; up to ${MAX_COUNT}), or be off`)
  const window = UNITS[unit.toLowerCase()]! * 1_000_000
  return { count, window, cost: Math.floor(window / count) } // whole, so that `count` times the cost never exceeds the window
}
