// What a query string may hold: every parameter that the OpenAPI document lists, empty, and in bytes that are no text.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { anyDatabase } from './databases.ts'
import { type Answer, serveOn, type TestServer, UNLIMITED } from './server.ts'

type Parameter = { in: string; name: string; required?: boolean }
type Operation = { parameters?: Parameter[] }

const VALUES: Record<string, string> = { code: 'known+', name: 'service_down' }
const REQUIRED: Record<string, string> = { '/api/overview/samples': 'from=0&to=60' }
/** Where the answer is of the moment: there the status and the fields are compared, and the rest by tests below. */
const OF_THE_MOMENT = /^\/(logs|api\/overview|api\/alerts)/

let server: TestServer
let listed: { path: string; name: string }[]

beforeAll(async () => {
  server = await serveOn(anyDatabase, UNLIMITED)
  const { body: ada } = await server.post('/users', { username: 'ada', email: 'ada@example.com' })
  await server.post('/users', { username: 'bob', email: 'bob@example.com' })
  await server.post('/urls', { original_url: 'https://example.com/a', short_code: 'known', user_id: ada.id })
  const { body: off } = await server.post('/urls', { original_url: 'https://example.com/b', title: '100%' })
  await server.call('PATCH', `/urls/${off.id}`, { is_active: false })
  await server.post('/events', { event_type: 'click', url_id: 1 })
  await server.post('/api/blocklist', { host: 'evil.example' })
  const paths: Record<string, Record<string, Operation>> = (await server.get('/openapi.json')).body.paths
  listed = Object.entries(paths).flatMap(([path, { get }]) =>
    (get?.parameters ?? [])
      .filter((parameter) => parameter.in === 'query' && !parameter.required)
      .map(({ name }) => ({ path: path.replace(/\{(\w+)\}/g, (_, of) => VALUES[of] ?? '1'), name })),
  )
})
afterAll(() => server.stop())

/** Asks, and of a stream reads only the head. */
async function ask(path: string): Promise<{ status: number; told: unknown }> {
  if (path.includes('/stream')) {
    const stop = new AbortController()
    const { status, headers } = await fetch(server.base + path, { headers: { accept: 'text/event-stream' }, signal: stop.signal })
    stop.abort()
    return { status, told: headers.get('content-type') }
  }
  const { status, body, text, headers } = await server.get(path)
  if (status !== 200) return { status, told: body?.error ?? text }
  const told = OF_THE_MOMENT.test(path) ? Object.keys(body) : { body: body ?? text, total: headers.get('x-total-count') }
  return { status, told }
}

describe('an empty parameter', () => {
  test('counts as missing, for each documented one', async () => {
    expect(listed.length).toBeGreaterThan(50)
    const different: string[] = []
    for (const { path, name } of listed) {
      const without = await ask(`${path}?${REQUIRED[path] ?? ''}`)
      for (const query of [`${name}=`, name, `${name}=&${name}=`]) {
        const empty = await ask(`${path}?${REQUIRED[path] ?? ''}&${query}`)
        if (!Bun.deepEquals(empty, without))
          different.push(
            `${path}?${query}: ${JSON.stringify(empty).slice(0, 200)}, without ${JSON.stringify(without).slice(0, 200)}`,
          )
      }
    }
    expect(different).toEqual([])
  })

  test.each([
    ['/urls?user_id=&is_active=&q=&blocked=&page=&per_page=&cursor=&order=', 2],
    ['/users?username=&email=', 2],
    ['/events?url_id=&user_id=&event_type=', 5],
    ['/urls?user_id=1&user_id=', 2],
    ['/urls?user_id=&user_id=1', 1],
    ['/urls?is_active=&user_id=1', 1],
  ])('%s lists %i', async (path, count) => {
    expect((await server.get(path)).body).toHaveLength(count)
  })

  test('leaves the log its 100 lines', async () => {
    for (let i = 0; i < 100; i++) await server.get('/users')
    for (const query of ['limit=', 'limit=abc', 'limit=&filter=', 'limit', ''])
      expect([query, (await server.get(`/logs?${query}`)).body.count]).toEqual([query, 100])
    for (const query of ['limit=0', 'limit=-1', 'limit=1', 'limit=0.5', 'limit=%2B1'])
      expect([query, (await server.get(`/logs?${query}`)).body.count]).toEqual([query, 1])
    expect((await server.get('/logs?limit=3.9')).body.count).toBe(3)
    expect((await server.get('/logs?limit=1e2')).body.count).toBe(100)
  })

  test('is no word where something is deleted', async () => {
    const { body } = await server.post('/urls', { original_url: 'https://example.com/c' })
    for (const name of ['soft', 'purge'])
      expect(await server.call('DELETE', `/urls/${body.id}?${name}=`)).toMatchObject({
        status: 400,
        body: { details: [{ field: name }] },
      })
    expect((await server.get(`/urls/${body.id}`)).status).toBe(200)
    expect((await server.call('DELETE', `/urls/${body.id}?reason=`)).status).toBe(204)
    expect((await server.get(`/urls/${body.id}/events?order=desc`)).body[0].details).toEqual({ reason: 'manual', by: 'open' })
  })
})

describe('bytes that are not UTF-8', () => {
  test('are 400 with the parameter’s name, for each that is documented', async () => {
    const taken: string[] = []
    for (const { path, name } of listed)
      for (const value of ['%FF', 'a%C3', '%C3%28x', '%ED%A0%80', '100%%E9']) {
        const { status, body } = await server.get(`${path}?${REQUIRED[path] ?? ''}&${name}=${value}`)
        if (status !== 400 || body.details?.[0].field !== name || !body.error.endsWith('must be UTF-8, percent-encoded'))
          taken.push(`${path}?${name}=${value}: ${status}`)
      }
    expect(taken).toEqual([])
  })

  test.each(['/users/%FF', '/urls/%FF', '/urls/%C3/stats', '/urls/%E9/redirect', '/%FF', '/known%FF', '/events/%80'])(
    'in a path are 400: %s',
    async (path) => {
      expect((await server.get(path)).status).toBe(400)
    },
  )

  test('do not matter in a parameter that nobody knows', async () => {
    expect((await server.get('/urls?banana=%FF&user_id=1')).status).toBe(200)
    expect((await server.get('/known?utm=%FF')).status).toBe(302)
  })

  test('a % that begins no byte stands for itself', async () => {
    const found = async (q: string): Promise<Answer['body']> => (await server.get(`/urls?q=${q}`)).body.length
    expect(await Promise.all(['100%', '100%25', '0%25', 'example%2Ecom/%', '%', '1+00'].map(found))).toEqual([1, 1, 1, 0, 1, 0])
  })
})
