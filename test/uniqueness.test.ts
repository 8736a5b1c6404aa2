// Names, addresses and codes that only one may have, however many race for them.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { databases } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'

describe.each(databases)('unique values on the $name database', (kind) => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind)
  })
  afterAll(() => server.stop())

  test.each([
    ['username', '/users', (i: number) => ({ username: 'racer', email: `racer${i}@example.com` })],
    [
      'e-mail, in any case',
      '/users',
      (i: number) => ({ username: `racer-${i}`, email: i % 2 ? 'Race@example.com' : 'race@EXAMPLE.com' }),
    ],
    ['username and e-mail, crossed', '/users', (i: number) => ({ username: `x${i % 2}`, email: `x${(i + 1) % 2}@example.com` })],
    ['code', '/urls', (i: number) => ({ original_url: `https://example.com/${i}`, short_code: 'racing' })],
  ])('of twenty clients that race for one %s, one wins', async (what, path, body) => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => server.post(path, body(i))))
    const statuses = answers.map(({ status }) => status).sort()
    const winners = what.includes('crossed') ? 2 : 1
    expect(statuses).toEqual([...Array(winners).fill(201), ...Array(20 - winners).fill(409)])
  })

  test('of twenty users that race for one new name, one wins, and nobody deadlocks', async () => {
    const users = await Promise.all(
      Array.from({ length: 20 }, (_, i) => server.post('/users', { username: `runner${i}`, email: `runner${i}@example.com` })),
    )
    const answers = await Promise.all(
      users.map(({ body }, i) =>
        server.call('PATCH', `/users/${body.id}`, { username: 'prize', email: `prize${i % 2}@example.com` }),
      ),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(19).fill(409)])
  })
})
