// Web pages of other origins: none unless listed, a listed one with a key of its own, and none on a cookie.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readConfig } from '../src/config/config.ts'
import { runCommand } from './child.ts'
import { databases } from './databases.ts'
import { freePort } from './postgres.ts'
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

const APPS = [
  'chrome-extension://abcdefghijklmnopabcdefghijklmnop',
  'moz-extension://2c5a1f0e-6f6f-4a43-8f3e-0f4a8c6f0a11',
  'safari-web-extension://2C5A1F0E-6F6F-4A43-8F3E-0F4A8C6F0A11',
  'capacitor://localhost',
  'ionic://localhost',
  'app://obsidian.md',
  'tauri://localhost',
  'file://',
  'null',
]

describe('CORS_ORIGINS', () => {
  test('is a list of exact origins', () =>
    expect(readConfig({}, { CORS_ORIGINS: `${LISTED}, ${DEVELOPER},${APPS}` }).CORS_ORIGINS).toEqual([
      LISTED,
      DEVELOPER,
      ...APPS,
    ]))

  test.each([
    '*',
    'app.example.com',
    `${LISTED}/`,
    `${LISTED}/page`,
    'https://*.example.com',
    `${LISTED},`,
    'https://APP.example.com',
    'https://app.example.com:443',
    'https://user@app.example.com',
    'ftp://a.example',
    'chrome-extension://*',
    'chrome-extension://abc/',
    'chrome-extension:',
    'capacitor://',
    'javascript://x',
    'Null',
  ])('refuses %s', (value) => expect(() => readConfig({}, { CORS_ORIGINS: value })).toThrow('CORS_ORIGINS must be exact origins'))
})

describe('without it', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind, { ADMIN_TOKEN: TOKEN })
  })
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
    expect((await server.post('/urls', body, { origin: LISTED, ...anonymous })).status).toBe(403)
  })
})

describe('with it', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(kind, { ADMIN_TOKEN: TOKEN, CORS_ORIGINS: `${LISTED},${DEVELOPER},${APPS}`, RATE_SIGN_IN: 'off' })
  })
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
    '*',
    'https://app.example.com.evil.example',
    'https://app.example.com:8443',
    'http://app.example.com',
    'https://APP.example.com',
    `${LISTED}, ${DEVELOPER}`,
  ])('%s is not listed', async (origin) => {
    expect([(await preflight(server, origin)).status, allowed(await preflight(server, origin))]).toEqual([401, null])
    expect(allowed(await server.get('/urls', { origin }))).toBeNull()
    expect((await server.post('/urls', body, { origin, ...anonymous })).status).toBe(403)
  })

  test('a change on a cookie is refused to a listed origin too, and allowed to our own pages', async () => {
    const signedIn = await server.post('/api/session', { token: TOKEN }, anonymous)
    const cookie = signedIn.headers.get('set-cookie')!.split(';')[0]!
    for (const origin of [LISTED, ...APPS]) {
      const refused = await server.post('/urls', body, { origin, cookie, ...anonymous })
      expect([refused.status, refused.body.error]).toEqual([403, expect.stringContaining('another origin')])
    }
    expect((await server.post('/urls', body, { origin: server.base, cookie, ...anonymous })).status).toBe(201)
  })

  test.each([...APPS, 'https://evil.example', 'http://127.0.0.1:1'])(
    'who brings a key needs to be of no origin in particular: %s changes, whatever cookie comes along, and without a key it does not',
    async (origin) => {
      const { key } = (await server.post('/api/keys', { name: 'extension', scope: 'write' })).body
      const bearer = { authorization: `Bearer ${key}` }
      for (const extra of [{}, { 'sec-fetch-site': 'cross-site' }, { cookie: 'waypost_session=made.up' }] as Record<
        string,
        string
      >[])
        expect((await server.post('/urls', body, { origin, ...extra, ...bearer })).status).toBe(201)
      expect((await server.post('/urls', body, { origin, authorization: `Bearer ${key}x` })).status).toBe(401)
      expect((await server.post('/urls', body, { origin, authorization: `Basic ${key}` })).status).toBe(
        APPS.includes(origin) ? 401 : 403,
      )
      expect((await server.post('/api/keys', { name: 'more', scope: 'admin' }, { origin, ...bearer })).status).toBe(403) // by its scope
    },
  )

  test.each(APPS)('a preflight of %s is answered', async (origin) => {
    const answer = await preflight(server, origin)
    expect([answer.status, allowed(answer)]).toEqual([204, origin])
  })

  test('every answer of the API tells caches that it depends on the origin', async () => {
    for (const path of ['/urls', '/nowhere/at/all', '/health'])
      expect((await server.get(path)).headers.get('vary')).toContain('Origin')
  })
})

describe('in open mode', () => {
  test('the start is refused in open mode with one sentence, and goes well with a key', async () => {
    const settings = await kind.settings()
    const open = { ...settings, CORS_ORIGINS: DEVELOPER, PORT: String(await freePort()) }
    const refused = await runCommand(['serve'], open)
    expect([refused.code, refused.err.trim().split('\n').length]).toEqual([2, 1])
    expect(refused.err).toMatch(
      /^waypost: CORS_ORIGINS would open the API to every page of http:\/\/localhost:5173, .*set ADMIN_TOKEN/,
    )

    expect((await runCommand(['key', 'create', 'page', '--scope', 'write'], settings)).code).toBe(0)
    const server = await serveOn(kind, { ...settings, CORS_ORIGINS: DEVELOPER })
    expect(allowed(await server.get('/urls', { origin: DEVELOPER }))).toBe(DEVELOPER)
    await server.stop()
  })

  test('every sandboxed page and AUTH=off do not go together', () =>
    expect(serveOn(kind, { AUTH: 'off', CORS_ORIGINS: 'null' })).rejects.toThrow('CORS_ORIGINS null'))

  test.each([
    { origin: 'https://go.example.com' },
    { origin: 'https://go.example.com', 'sec-fetch-site': 'same-origin' },
    ...APPS.map((origin) => ({ origin })),
  ])('in open mode PUBLIC_URL is no page of ours: %j changes nothing', async (extra) => {
    const server = await (open ??= serveOn(kind, { PUBLIC_URL: 'https://go.example.com' }))
    expect((await server.post('/urls', body, extra as Record<string, string>)).status).toBe(403)
    expect((await server.post('/urls', body, { origin: server.base })).status).toBe(201)
  })
  let open: Promise<TestServer> | undefined
  afterAll(async () => (await open)?.stop())
})
