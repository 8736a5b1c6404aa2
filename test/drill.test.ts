// waypost drill survive, as an operator calls it: on a server that holds, and on one that does not.
import { afterAll, expect, test } from 'bun:test'
import { runCommand, startChild } from './child.ts'
import { anyDatabase } from './databases.ts'

const TOKENS = { ADMIN_TOKEN: 'an-operators-long-token', CHAOS_TOKEN: 'a-token-to-break-things' }
const bearer = { authorization: `Bearer ${TOKENS.ADMIN_TOKEN}` }

const serve = async (settings: Record<string, string> = {}) =>
  startChild({ ...(await anyDatabase.settings()), ...TOKENS, ...settings })
const sound = await serve()
const strict = await serve({ RATE_REDIRECT: '5/min' })
afterAll(async () => {
  for (const { kill, exited } of [sound, strict]) {
    kill('SIGTERM')
    await exited
  }
})

test('every fault is tried, no known link fails, and no link of it stays', async () => {
  const { code, out, err } = await runCommand(['drill', 'survive', sound.base, '--seconds', '1'], TOKENS)
  for (const fault of ['latency', 'errors', 'database', 'freeze-drain', 'cpu'])
    expect(out).toMatch(new RegExp(`^${fault} +[1-9]\\d* +0 `, 'm'))
  expect(out).toMatch(/^cache +[1-9]\d* /m) // asks the database, which a busy machine may keep waiting for longer than a redirect does
  expect([code, err]).toEqual([/ NO$/m.test(out) ? 1 : 0, ''])
  expect(out).toMatch(/changes acknowledged [1-9]\d*, lost 0, doubled 0\nclicks answered ([1-9]\d*), stored \1,/)
  expect(await (await fetch(`${sound.base}/urls`, { headers: bearer })).json()).toEqual([])
  const { armed } = (await (await fetch(`${sound.base}/api/chaos`, { headers: bearer })).json()) as { armed: unknown[] }
  expect(armed).toEqual([])
})

test('failing redirects are reported, and it exits 1', async () => {
  const { code, out } = await runCommand(['drill', 'survive', strict.base, '--seconds', '1'], TOKENS)
  expect(code).toBe(1)
  expect(out).toMatch(/^latency +\d+ +[1-9].* NO$/m)
  expect(out).toContain('NOT everything held')
})

test.each([
  [['--seconds', '0'], '--seconds must be a number from 1 to 60', 2],
  [['--kill'], '--kill needs two ready replicas, but 1 are ready', 1],
  [['--chaos-token', 'another-long-token'], 'a valid X-Chaos-Token is required', 1],
  [['--admin-token', 'another-long-token'], 'invalid or expired token or key', 1],
] as [string[], string, number][])('%p: %s', async (args, sentence, exit) => {
  const { code, err } = await runCommand(['drill', 'survive', sound.base, ...args], TOKENS)
  expect([code, err]).toEqual([exit, expect.stringContaining(sentence)])
})
