// The route /chaos: who may arm a fault, with what, and how it ends. What each fault does is in chaos.test.ts.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { startChild } from './child.ts'
import { databases } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'
import { until } from './until.ts'

const WITHIN = 60_000
const CHAOS_TOKEN = 'break-it-on-purpose'
const token = { 'x-chaos-token': CHAOS_TOKEN }

describe.each(databases)('/chaos on the $name database', (kind) => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind, { CHAOS_TOKEN })
    await server.post('/urls', { original_url: 'https://example.com/a/page', short_code: 'known' })
  })
  afterAll(() => server.stop())
  const arm = (body: unknown) => server.post('/chaos', body, token)
  const end = () => server.call('DELETE', '/chaos', undefined, token)

  test.each([
    {},
    { 'x-chaos-token': '' },
    { 'x-chaos-token': 'break-i' },
    { 'x-chaos-token': 'break-it2' },
    { authorization: `Bearer ${CHAOS_TOKEN}` },
  ] as Record<string, string>[])('without the right token nothing is armed: %j', async (headers) => {
    for (const [method, body] of [['GET'], ['POST'], ['POST', { fault: 'errors', duration: 60 }], ['DELETE']] as const)
      expect([method, (await server.call(method, '/chaos', body, headers)).status]).toEqual([method, 401])
    expect(server.chaos.armed()).toEqual([])
  })

  test.each([
    ['an unknown fault', { fault: 'fire', duration: 1 }, 'fault'],
    ['no duration', { fault: 'errors' }, 'duration'],
    ['a duration of 0', { fault: 'errors', duration: 0 }, 'duration'],
    ['a duration without end', { fault: 'errors', duration: 601 }, 'duration'],
    ['a duration as text', { fault: 'latency', duration: '10' }, 'duration'],
    ['a share above 1', { fault: 'errors', duration: 10, share: 2 }, 'share'],
    ['a share below 0', { fault: 'errors', duration: 10, share: -1 }, 'share'],
    ['too much latency', { fault: 'latency', duration: 10, latency_ms: 5_001 }, 'latency_ms'],
    ['latency as text', { fault: 'latency', duration: 10, latency_ms: '1' }, 'latency_ms'],
    ['a list', [], 'body'],
  ])('%s is refused', async (_, body, field) => {
    const answer = await arm(body)
    expect([answer.status, answer.body.details?.[0]?.field]).toEqual([400, field])
    expect(server.chaos.armed()).toEqual([])
  })

  test('latency makes requests wait, not /health; DELETE ends it', async () => {
    expect((await arm({ fault: 'latency', duration: 60, latency_ms: 1_000 })).status).toBe(204)
    let over = false
    const slow = server.get('/users').then((answer) => {
      over = true
      return answer.status
    })
    for (let i = 0; i < 5; i++) expect((await server.get('/health')).status).toBe(200)
    expect(over).toBe(false)
    expect(await slow).toBe(200)
    expect((await end()).status).toBe(204)
    expect(server.chaos.armed()).toEqual([])
  })

  test('health and monitoring keep working, however their path is written', async () => {
    expect((await arm({ fault: 'errors', duration: 60 })).status).toBe(204)
    for (const path of [
      '/health',
      '/health/',
      '/ready/',
      '/api/session/',
      '/api/chaos/',
      '/api/fleet?x',
      '/console/',
      '/console/links',
    ])
      expect([path, (await server.get(path)).status]).toEqual([path, 200])
    for (const path of ['/users', '/users/', '/urls?x=/health', '/health%2f/../users'])
      expect([path, (await server.get(path)).status]).toEqual([path, 500])
    expect((await server.call('DELETE', '/chaos/', undefined, token)).status).toBe(204)
  })

  test('ten wrong tokens a minute, in open mode too, and then not the right one either', async () => {
    const alone = await serveOn(kind, { CHAOS_TOKEN })
    const tried: number[] = []
    for (let i = 0; i < 12; i++) tried.push((await alone.post('/chaos', {}, { 'x-chaos-token': `a-guess-${i}` })).status)
    expect(tried).toEqual([...Array(10).fill(401), 429, 429])
    const right = await alone.post('/chaos', { fault: 'errors', duration: 60 }, token)
    expect([right.status, Number(right.headers.get('retry-after')) > 0, alone.chaos.armed()]).toEqual([429, true, []])
    expect((await alone.get('/users')).status).toBe(200)
    await alone.stop()
  })

  test('errors fail their share of requests, and end with their time', async () => {
    await arm({ fault: 'errors', duration: 1 })
    const { status, body } = await server.get('/users')
    expect([status, body.error]).toEqual([500, 'injected by /chaos: the fault errors is armed'])
    expect((await server.get('/ready')).status).toBe(200)
    await until('the fault ends by itself', async () => (await server.get('/users')).status === 200)
    expect(server.chaos.armed()).toEqual([])

    await arm({ fault: 'errors', duration: 60, share: 0.5 })
    const statuses = new Set<number>()
    for (let i = 0; i < 60; i++) statuses.add((await server.get('/users')).status)
    expect([...statuses].sort()).toEqual([200, 500])
    await end()
    expect((await server.get('/users')).status).toBe(200)
  })

  test('the database is unreachable for the requested time; redirects keep working, and clicks wait', async () => {
    expect((await server.get('/known')).status).toBe(302)
    expect((await server.settled('/urls/known/stats')).body.clicks).toBe(1) // nothing is under way
    await arm({ fault: 'database', duration: 60 })
    expect((await server.get('/users')).status).toBe(503)
    expect((await server.get('/known')).status).toBe(302)
    await until('it is noticed', async () => (await server.get('/ready')).body.status === 'degraded')
    await end()
    await until('it works again', async () => (await server.get('/users')).status === 200)
    await until('the clicks are stored', async () => (await server.get('/urls/known/stats')).body.clicks === 2)

    await arm({ fault: 'database', duration: 1 })
    expect((await server.get('/users')).status).toBe(503)
    await until('it ends by itself', async () => (await server.get('/users')).status === 200)
  })

  test('every fault is in the log, when it is armed and when it ends', async () => {
    await end() // what another test left armed
    const after = server.ring.span().next - 1
    const lines = () =>
      server.ring
        .read({ limit: 99, after })
        .reverse()
        .flatMap(({ message, fault, how }) => (/^fault (armed|ended)$/.test(message) ? [[message, fault, how]] : []))
    await arm({ fault: 'latency', duration: 60, latency_ms: 1 })
    await arm({ fault: 'errors', duration: 60 })
    await end()
    await arm({ fault: 'database', duration: 1 })
    await until('it ends by itself', () => lines().length === 6)
    expect(lines()).toEqual([
      ['fault armed', 'latency', undefined],
      ['fault armed', 'errors', undefined],
      ['fault ended', 'latency', 'ended by hand'],
      ['fault ended', 'errors', 'ended by hand'],
      ['fault armed', 'database', undefined],
      ['fault ended', 'database', 'its time was over'],
    ])
    await until('it works again', async () => (await server.get('/users')).status === 200)
  })
})

test.each([
  ['GET', undefined, {}],
  ['POST', undefined, {}],
  ['POST', { fault: 'kill' }, { 'content-type': 'application/json' }],
])('%s %j kills: the server answers 204, drains, and exits 75 for its supervisor', async (method, body, headers) => {
  const kind = body ? databases[0]! : databases.at(-1)!
  const server = await startChild({ ...(await kind.settings()), CHAOS_TOKEN })
  const response = await fetch(`${server.base}/chaos`, {
    method,
    headers: { ...token, ...headers },
    body: body && JSON.stringify(body),
  })
  expect(response.status).toBe(204)
  expect(await Promise.race([server.exited, Bun.sleep(WITHIN).then(() => 'it goes on')])).toBe(75)
})
