// Web pages of other origins: none unless listed, a listed one with a key of its own, and none on a cookie.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readConfig } from '../src/config.ts'
import { databases } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'

const kind = databases.at(-1)!
const TOKEN = 'the-operator-of-this-test'
const LISTED = 'https://app.example.com'
const DEVELOPER = 'http://localhost:5173'
const anonymous = { authorization: '' }

const preflight = (server: TestServer, origin: string, path = '/urls', method = 'POST') =>
  server.call('OPTIONS', path, undefined, { ...anonymous, origin, 'access-control-request-method': method })
const allowed = ({ headers }: { headers: Headers }) => headers.get('access-control-allow-origin')
const body = { original_url: 'https://example.com/' }

describe('CORS_ORIGINS', () => {
  test('is a list of exact origins', () =>
    expect(readConfig({}, { CORS_ORIGINS: `${LISTED}, ${DEVELOPER}` }).CORS_ORIGINS).toEqual([LISTED, DEVELOPER]))

  test.each([
    '*',
    'null',
    'app.example.com',
    `${LISTED}/`,
    `${LISTED}/page`,
    'https://*.example.com',
    `${LISTED},`,
    'https://APP.example.com',
    'https://app.example.com:443',
    'ftp://a.example',
    'chrome-extension://abc',
  ])('refuses %s', (value) => expect(() => readConfig({}, { CORS_ORIGINS: value })).toThrow('CORS_ORIGINS must be exact origins'))
})

describe('without it', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind, { ADMIN_TOKEN: TOKEN })
  }, 30_000)
  afterAll(() => server.stop())

  test('no answer names an origin, a preflight is a request like others, and a foreign page changes nothing', async () => {
    for (const answer of [
      await preflight(server, LISTED),
      await server.get('/urls', { origin: LISTED }),
      await server.post('/urls', body, { origin: LISTED }),
    ]) {
      expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
      expect(answer.headers.get('vary')).toBeNull()
    }
    expect((await preflight(server, LISTED)).status).toBe(401)
    expect((await server.post('/urls', body, { origin: LISTED })).status).toBe(403)
  })
})

describe('with it', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind, { ADMIN_TOKEN: TOKEN, CORS_ORIGINS: `${LISTED},${DEVELOPER}` })
  }, 30_000)
  afterAll(() => server.stop())

  test.each([
    ['/urls', 'POST'],
    ['/urls/1', 'DELETE'],
    ['/no/such/route', 'PUT'],
    ['/somecode', 'GET'],
  ])('a preflight for %s is answered before any route and any key', async (path, method) => {
    const answer = await preflight(server, LISTED, path, method)
    expect([answer.status, answer.text, allowed(answer)]).toEqual([204, '', LISTED])
    expect(answer.headers.get('access-control-allow-methods')).toContain(method)
    expect(answer.headers.get('access-control-allow-headers')!.toLowerCase()).toContain('authorization')
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull()
    for (const name of ['Origin', 'Access-Control-Request-Method', 'Access-Control-Request-Headers'])
      expect(answer.headers.get('vary')).toContain(name)
  })

  test('a listed origin reads, changes and sees why not, with its key and never with credentials', async () => {
    const made = await server.post('/urls', body, { origin: LISTED, 'sec-fetch-site': 'cross-site' })
    expect([made.status, allowed(made)]).toEqual([201, LISTED])
    const list = await server.get('/urls', { origin: DEVELOPER })
    expect([list.status, allowed(list)]).toEqual([200, DEVELOPER])
    expect(list.headers.get('access-control-expose-headers')).toContain('X-Total-Count')
    for (const answer of [
      await server.post('/urls', {}, { origin: LISTED }),
      await server.get('/nowhere/at/all', { origin: LISTED }),
      await server.get('/urls', { origin: LISTED, ...anonymous }),
      await server.get('/absent', { origin: LISTED }),
    ]) {
      expect([answer.status >= 400, allowed(answer)]).toEqual([true, LISTED])
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull()
    }
    expect((await server.get('/urls', { origin: LISTED, ...anonymous })).status).toBe(401) // it opens nothing by itself
  })

  test.each([
    'https://evil.example',
    'null',
    '*',
    'https://app.example.com.evil.example',
    'https://app.example.com:8443',
    'http://app.example.com',
    'https://APP.example.com',
    `${LISTED}, ${DEVELOPER}`,
  ])('%s is not listed', async (origin) => {
    expect([(await preflight(server, origin)).status, allowed(await preflight(server, origin))]).toEqual([401, null])
    expect(allowed(await server.get('/urls', { origin }))).toBeNull()
    expect((await server.post('/urls', body, { origin })).status).toBe(403)
  })

  test('a change on a cookie is refused to a listed origin too, and allowed to our own pages', async () => {
    const cookie = 'session=of-somebody'
    const refused = await server.post('/urls', body, { origin: LISTED, cookie })
    expect([refused.status, refused.body.error]).toEqual([403, expect.stringContaining('another origin')])
    expect((await server.post('/urls', body, { origin: server.base, cookie })).status).toBe(201)
  })

  test('every answer of the API tells caches that it depends on the origin', async () => {
    for (const path of ['/urls', '/nowhere/at/all', '/health'])
      expect((await server.get(path)).headers.get('vary')).toContain('Origin')
  })
})

test('in open mode a listed origin of this machine may make changes, and no other', async () => {
  const server = await serveOn(kind, { CORS_ORIGINS: DEVELOPER })
  try {
    expect((await server.post('/urls', body, { origin: DEVELOPER, 'sec-fetch-site': 'same-site' })).status).toBe(201)
    expect((await server.post('/urls', body, { origin: 'http://localhost:5174', 'sec-fetch-site': 'same-site' })).status).toBe(
      403,
    )
    expect((await server.post('/urls', body, { origin: DEVELOPER, host: 'evil.example' })).status).toBe(403)
  } finally {
    await server.stop()
  }
}, 30_000)
