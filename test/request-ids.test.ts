// The id of a request: its own where it is fit for a log, else one of ours; in the answer, in the error and in the log.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { anyDatabase } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'

let server: TestServer
beforeAll(async () => {
  server = await serveOn(anyDatabase)
})
afterAll(() => server.stop())

test.each(['a', 'req-2025.09:1_b', 'x'.repeat(64), '550e8400-e29b-41d4-a716-446655440000'])('%s is kept', async (id) => {
  for (const path of ['/users', '/users/99', '/nope', '/users/%zz']) {
    const { headers, body } = await server.get(path, { 'x-request-id': id })
    expect([path, headers.get('x-request-id')]).toEqual([path, id])
    if (path !== '/users') expect(body.request_id).toBe(id)
  }
  expect(server.ring.read({ limit: 1, filter: `"request_id":"${id}"` })).toHaveLength(1)
})

test.each(['x'.repeat(65), 'two words', '<script>', 'é', 'a"b', 'a,b', '{}'])('%s is replaced by one of our own', async (id) => {
  const { headers, body } = await server.get('/users/99', { 'x-request-id': id })
  expect(headers.get('x-request-id')).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/)
  expect(body.request_id).toBe(headers.get('x-request-id'))
})

test('no two of our own are the same', async () => {
  const ids = await Promise.all(
    Array.from({ length: 100 }, async () => (await server.get('/health')).headers.get('x-request-id')),
  )
  expect(new Set(ids).size).toBe(100)
})
