// Which time it is: only what all witnesses agree on.
import { describe, expect, test } from 'bun:test'
import { watchClocks } from '../../src/database/clocks.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const START = Date.UTC(2026, 10, 29)

/** A machine that has run for no time yet. Its clock can be set; `steady` cannot. */
function machine() {
  let steady = 0
  let set = START
  const clocks = watchClocks({ wall: () => set + steady, steady: () => steady })
  return {
    pass: (ms: number) => void (steady += ms),
    jump: (ms: number) => void (set += ms),
    now: () => set + steady,
    asks: (database = 0, newest?: number) =>
      clocks.agree({
        database: set + steady + database,
        newest: newest === undefined ? undefined : set + steady + newest,
      }),
  }
}
const believed = (time: object) => 'at' in time

describe('the time', () => {
  test('is the earlier of two clocks that agree', () => {
    const { asks, now } = machine()
    expect(asks(60_000)).toEqual({ at: now() })
    expect(asks(-60_000)).toEqual({ at: now() - 60_000 })
  })

  test.each([
    ['200 days ahead', 200 * DAY, /^the clock of the database is 200 days ahead of the one of this machine$/],
    ['two hours behind', -2 * HOUR, /^the clock of the database is 2 hours behind the one/],
    ['in another age', -START, /^the clock of the database is \d+ days behind/],
  ])('is in doubt while the database is %s', (_, off, words) => {
    const { asks } = machine()
    expect(asks(off)).toEqual({ doubt: expect.stringMatching(words) })
    expect(believed(asks())).toBe(true)
  })

  test.each([200 * DAY, -200 * DAY, 2 * HOUR])('is in doubt for a day after both clocks jumped by %d ms', (by) => {
    const { asks, jump, pass } = machine()
    expect(believed(asks())).toBe(true)
    jump(by)
    expect(asks()).toEqual({ doubt: expect.stringMatching(/^the clock of this machine jumped within the last day/) })
    pass(23 * HOUR)
    expect(believed(asks())).toBe(false)
    pass(2 * HOUR)
    expect(believed(asks())).toBe(true)
  })

  test('is in doubt for a day where the newest event is long ago, or there was a jump back as well', () => {
    const { asks, jump, pass } = machine()
    expect(asks(0, -30 * DAY)).toEqual({ doubt: expect.stringMatching(/^the clocks are 30 days ahead of the newest event/) })
    expect(believed(asks(0, -DAY))).toBe(true)
    pass(25 * HOUR)
    expect(believed(asks(0, -30 * DAY))).toBe(true)
    jump(DAY)
    expect(believed(asks())).toBe(false)
    jump(-DAY)
    expect(believed(asks())).toBe(false)
    pass(25 * HOUR)
    expect(believed(asks())).toBe(true)
  })

  test('is not in doubt for an event from the future, which another clock gave it', () => {
    expect(believed(machine().asks(0, 200 * DAY))).toBe(true)
  })
})
