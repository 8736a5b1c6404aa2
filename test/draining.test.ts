// The end of a server: requests in flight are answered and clicks stored before the process exits.
import { describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { startChild } from './child.ts'
import { anyDatabase, type DatabaseKind, databases } from './databases.ts'
import { serveOn } from './server.ts'
import { readAnswer } from './wire.ts'

const target = 'https://example.com/a/page'
const WITHIN = 60_000

describe.each(databases)('draining on the $name database', (kind) => {
  test('answers requests in flight, says so, stores every click, and exits 0', async () => {
    const settings = await kind.settings()
    const same: DatabaseKind = { ...kind, settings: async () => settings }
    const server = await serveOn(same, { DRAIN_WAIT: '1' })
    await server.post('/urls', { original_url: target, short_code: 'known' })

    const body = JSON.stringify({ original_url: 'https://example.com/under-way', short_code: 'under-way' })
    const socket = connect(server.config.PORT, '127.0.0.1')
    const underWay = readAnswer(socket)
    socket.write(
      `POST /urls HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 20)}`,
    )
    await server.get('/known')
    const clicks = Promise.all(Array.from({ length: 200 }, () => server.get('/known')))
    expect((await clicks).every(({ status }) => status === 302)).toBe(true)
    const exitCode = server.stop()

    const ready = await server.get('/ready')
    expect([ready.status, ready.body.status, ready.headers.get('connection')]).toEqual([503, 'draining', 'close'])
    expect((await server.get('/health')).status).toBe(200)
    expect((await server.get('/known')).status).toBe(302) // until the balancer has noticed
    socket.write(body.slice(20))
    expect((await underWay).status).toBe(201)
    expect(await exitCode).toBe(0)
    await expect(server.get('/health')).rejects.toThrow()

    const next = await serveOn(same)
    expect((await next.settled('/urls/known/stats')).body.clicks).toBe(202)
    expect((await next.get('/under-way')).headers.get('location')).toBe('https://example.com/under-way')
    await next.stop()
  })
})

test('SIGTERM ends the process with 0, in spite of a tail and a connection that nobody closes', async () => {
  const server = await startChild({ ...(await anyDatabase.settings()), DRAIN_WAIT: '0' })
  const tail = await fetch(`${server.base}/logs`, { headers: { accept: 'text/event-stream' } })
  const idle = connect(server.port, '127.0.0.1').on('error', () => {})
  idle.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await readAnswer(idle)
  server.kill('SIGTERM')
  server.kill('SIGTERM') // impatience changes nothing
  expect(await Promise.race([server.exited, Bun.sleep(WITHIN).then(() => 'it goes on')])).toBe(0)
  idle.destroy()
  await tail.body?.cancel().catch(() => {})
})
