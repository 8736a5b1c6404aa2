// What the log never has.
import { expect, test } from 'bun:test'
import { anyDatabase } from './databases.ts'
import { serveOn } from './server.ts'

test('the log has no token, no query string and no target’s secrets', async () => {
  const secrets = [
    'admin-sesame-admin-sesame',
    'chaos-sesame-chaos-sesame',
    'guess-sesame',
    'query-sesame',
    'target-sesame',
    'agent-sesame',
  ]
  const server = await serveOn(anyDatabase, { ADMIN_TOKEN: secrets[0]!, CHAOS_TOKEN: secrets[1]! })
  await server.post('/urls', { original_url: 'https://example.com/?password=target-sesame', short_code: 'known' })
  await server.get('/known?x=query-sesame', { 'user-agent': 'agent-sesame', referer: 'https://a.example/?query-sesame' })
  await server.get('/urls?q=query-sesame')
  await server.get('/nope?token=query-sesame')
  await server.get('/users/x?token=query-sesame')
  await server.get('/users', { authorization: 'Bearer guess-sesame' })
  await server.get('/chaos', { 'x-chaos-token': 'guess-sesame' })
  await server.post('/urls', { original_url: 'javascript:target-sesame' })
  await server.post('/urls', '{"original_url":"target-sesame')
  await server.post('/chaos', { fault: 'errors', duration: 30 }, { 'x-chaos-token': secrets[1]! })
  expect((await server.get('/users?x=query-sesame')).status).toBe(500)
  await server.call('DELETE', '/chaos', undefined, { 'x-chaos-token': secrets[1]! })
  const lines = server.ring.read({ limit: 9_999 })
  expect(lines.length).toBeGreaterThan(10)
  expect(lines.map((line) => JSON.stringify(line)).filter((line) => line.includes('sesame'))).toEqual([])
  await server.stop()
})
