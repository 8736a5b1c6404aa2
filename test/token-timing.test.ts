// A wrong token takes as long as one that is right but for its end. Times are never asserted, only whether one distribution lies beside the
// other: the share of pairs in which the first is the slower (0.5 where they are alike). Samples are taken in turns, in random order, so
// that whatever else the machine does falls on both.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { sameSecret } from '../src/access/auth.ts'
import { randomFrom } from '../survive/random.ts'
import { anyDatabase } from './databases.ts'
import { printedSeed } from './seed.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'

const TOKEN = randomBytes(32).toString('hex')
const FAR = `${TOKEN[0] === 'a' ? 'b' : 'a'}${TOKEN.slice(1)}`
const NEAR = `${TOKEN.slice(0, -1)}${TOKEN.at(-1) === 'a' ? 'b' : 'a'}`
/** Of 4,000 pairs the share strays by less than 0.01 (one standard deviation): this is ten of them. */
const ALIKE = 0.1

const random = randomFrom(printedSeed('token timing'))

let server: TestServer
beforeAll(async () => {
  server = await serveOn(anyDatabase, { ADMIN_TOKEN: TOKEN, ...UNLIMITED })
})
afterAll(() => server.stop())

/** The share of pairs in which `near` took longer than `far`. */
async function slower(samples: number, measure: (token: string) => number | Promise<number>): Promise<number> {
  const times: [far: number[], near: number[]] = [[], []]
  for (let i = -samples / 10; i < samples; i++) {
    const order = random.next() < 0.5 ? [0, 1] : [1, 0]
    for (const which of order) {
      const time = await measure([FAR, NEAR][which]!)
      if (i >= 0) times[which]!.push(time)
    }
  }
  const ranked = times.flatMap((list, which) => list.map((time) => ({ time, which }))).sort((a, b) => a.time - b.time)
  let sum = 0
  for (let i = 0; i < ranked.length; ) {
    let end = i
    while (end < ranked.length && ranked[end]!.time === ranked[i]!.time) end++
    const near = ranked.slice(i, end).filter(({ which }) => which === 1).length
    sum += (near * (i + 1 + end)) / 2 // ties share their rank
    i = end
  }
  return (sum - (samples * (samples + 1)) / 2) / samples ** 2
}

const timed = (compare: (given: string, expected: string) => boolean) => (token: string) => {
  const began = Bun.nanoseconds()
  for (let i = 0; i < 20; i++) compare(token, TOKEN)
  return Bun.nanoseconds() - began
}

/** What must not be: it ends at the first difference. */
function naive(given: string, expected: string): boolean {
  for (let i = 0; i < expected.length; i++) if (given[i] !== expected[i]) return false
  return given.length === expected.length
}

test('the measure sees a comparison that ends early', async () => {
  expect(await slower(4_000, timed(naive))).toBeGreaterThan(0.5 + 2 * ALIKE)
})

test('comparing takes as long for both', async () => {
  expect(Math.abs((await slower(4_000, timed(sameSecret))) - 0.5)).toBeLessThan(ALIKE)
})

test('the server takes as long for both', async () => {
  const share = await slower(2_000, async (token) => {
    const began = Bun.nanoseconds()
    const response = await fetch(`${server.base}/users`, { headers: { authorization: `Bearer ${token}` } })
    await response.arrayBuffer()
    expect(response.status).toBe(401)
    return Bun.nanoseconds() - began
  })
  expect(Math.abs(share - 0.5)).toBeLessThan(ALIKE)
})
