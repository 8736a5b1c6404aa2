// What browsers load: how many bytes that is on the wire, what they keep of it, and for how long.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { type Encoding, encodingFor } from '../src/http/encoding.ts'
import { isKnown } from '../src/http/etag.ts'
import { anyDatabase } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'
import { exchange } from './wire.ts'

const built = existsSync(join(import.meta.dir, '../dist/assets/console/console.js.br'))
if (!built) console.warn('SKIPPED: what browsers load (not built: bun run assets)')

const MOST = 110_000
const TAG = /^(W\/)?"[^"]+"$/

describe.skipIf(!built)('what browsers load', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(anyDatabase)
    await server.post('/urls', { original_url: 'https://example.com/' })
  })
  afterAll(() => server.stop())

  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    exchange(
      server.config.PORT,
      `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${Object.entries(headers)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('')}\r\n`,
    )
  const BROWSER = { 'Accept-Encoding': 'gzip, deflate, br, zstd' }
  const sizeOf = ({ headers }: { headers: Headers }) => Number(headers.get('content-length'))
  const namedIn = (html: string) => [...html.matchAll(/(?:src|href)="(\/[^"]+\.(?:js|css|svg))"/g)].map(([, url]) => url!)
  const htmlOf = async (path: string) => (await get(path)).text

  test(`the console is at most ${MOST} bytes at the first load, and almost none at the second`, async () => {
    let bytes = sizeOf(await get('/console', BROWSER)) + sizeOf(await get('/console/streams-worker.js', BROWSER))
    for (const url of namedIn(await htmlOf('/console'))) bytes += sizeOf(await get(url, BROWSER))
    expect(bytes).toBeGreaterThan(10_000)
    expect(bytes).toBeLessThanOrEqual(MOST)
    for (const path of ['/console', '/console/streams-worker.js']) {
      const tag = (await get(path, BROWSER)).headers.get('etag')!
      expect((await get(path, { ...BROWSER, 'If-None-Match': tag })).status).toBe(304)
    }
  })

  test.each(['LICENSE', 'NOTICE', 'swagger-ui-bundle.js.LICENSE.txt'])('/swagger/%s comes as text', async (name) => {
    const { status, headers, text } = await get(`/swagger/${name}`, BROWSER)
    expect([status, headers.get('content-type'), headers.get('content-encoding')]).toEqual([
      200,
      'text/plain; charset=utf-8',
      null,
    ])
    expect(text).toMatch(/licen[sc]e|copyright/i)
    const again = await get(`/swagger/${name}`, { 'If-None-Match': headers.get('etag')! })
    expect([again.status, again.headers.get('etag')]).toEqual([304, headers.get('etag')])
  })

  test.each(['/console', '/dashboard', '/console/links', '/swagger', '/apidocs'])(
    '%s names its files by what is in them, and is asked for each time',
    async (path) => {
      const page = await get(path, BROWSER)
      expect([page.headers.get('cache-control'), page.headers.get('content-encoding')]).toEqual(['no-cache', 'br'])
      const urls = namedIn(await htmlOf(path))
      expect(urls.length).toBeGreaterThanOrEqual(3)
      for (const url of urls) {
        expect(url).toMatch(/-[0-9a-f]{10}\.(js|css|svg)$/)
        const { status, headers } = await get(url, BROWSER)
        expect([url, status, headers.get('cache-control'), headers.get('content-encoding'), headers.get('vary')]).toEqual([
          url,
          200,
          'public, max-age=31536000, immutable',
          'br',
          'Accept-Encoding',
        ])
        expect(headers.get('etag')).toMatch(TAG)
      }
    },
  )

  test('every encoding has the same content', async () => {
    for (const url of [
      ...namedIn(await htmlOf('/console')),
      ...namedIn(await htmlOf('/swagger')),
      '/console',
      '/console/streams-worker.js',
    ]) {
      const load = async (encoding: string) => {
        const answer = await fetch(server.base + url, { headers: { 'Accept-Encoding': encoding }, decompress: false })
        expect([url, encoding, answer.headers.get('content-encoding') ?? 'identity']).toEqual([url, encoding, encoding])
        return Buffer.from(await answer.arrayBuffer())
      }
      const plain = await load('identity')
      expect(brotliDecompressSync(await load('br')).equals(plain)).toBe(true)
      expect(gunzipSync(await load('gzip')).equals(plain)).toBe(true)
    }
  })

  test('names of before go on, and are asked for each time', async () => {
    for (const path of [
      '/console/console.js',
      '/console/console.css',
      '/console/theme.js',
      '/console/favicon.svg',
      '/favicon.ico',
      '/swagger/swagger-ui.css',
      '/swagger/LICENSE',
      '/robots.txt',
    ]) {
      const { status, headers } = await get(path, BROWSER)
      expect([path, status, headers.get('cache-control')]).toEqual([path, 200, 'no-cache'])
      expect(headers.get('etag')).toMatch(TAG)
    }
  })

  test('a name of another release gets what there is, which nobody keeps', async () => {
    const { status, headers } = await get('/console/console-0123456789.js', BROWSER)
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store'])
  })

  test.each([
    '/console/none.js',
    '/console/none-0123456789.js',
    '/console/console.js.br',
    '/console/index.html',
    '/console/../licences.json',
    '/swagger/none.css',
    '/console/..%2flicences.json',
  ])('there is no %s', async (path) => expect((await get(path)).status).toBe(404))

  test('a HEAD says the same of it', async () => {
    for (const path of namedIn(await htmlOf('/console'))) {
      const [got, head] = [await get(path, BROWSER), await get(path, BROWSER, 'HEAD')]
      for (const name of ['etag', 'content-encoding', 'content-length', 'cache-control', 'vary'])
        expect([name, head.headers.get(name)]).toEqual([name, got.headers.get(name)])
    }
  })

  test.each(['/console/console.js', '/console', '/robots.txt', '/urls/1', '/urls', '/openapi.json', '/users'])(
    '%s is 304 to who has it, however that is said',
    async (path) => {
      const tag = (await get(path)).headers.get('etag')!
      const opaque = tag.replace('W/', '')
      for (const known of [tag, opaque, `W/${opaque}`, `"x", W/${opaque}`, `"a,b" ,${opaque}, "y"`, '*', ' * '])
        expect([known, (await get(path, { 'If-None-Match': known })).status]).toEqual([known, 304])
      const bare = opaque.replaceAll('"', '')
      for (const other of ['"x"', bare, `"${bare}x"`, `"x${bare}"`, `"x ${bare}`, `W/"x", W/"y"`, '', '"*"'])
        expect([other, (await get(path, { 'If-None-Match': other })).status]).toEqual([other, 200])
    },
  )

  test('a client that accepts none of the encodings gets an error', async () => {
    expect((await get('/console/console.js', { 'Accept-Encoding': 'identity;q=0' })).status).toBe(406)
    expect((await get('/robots.txt', { 'Accept-Encoding': 'identity;q=0' })).status).toBe(200) // it has no other
  })
})

test.each<[string | null, Encoding | undefined]>([
  [null, 'identity'],
  ['', 'identity'],
  ['gzip, deflate, br', 'br'],
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['GZIP', 'gzip'],
  ['br;q=0.5, gzip;q=0.8', 'gzip'],
  ['br;q=1.0, gzip;q=0.8', 'br'],
  ['br;q=0, gzip', 'gzip'],
  ['br; q = 0 , gzip ; q = 0.1', 'gzip'],
  ['br;q=0, gzip;q=0', 'identity'],
  ['deflate', 'identity'],
  ['*', 'br'],
  ['*;q=0', undefined],
  ['br;q=0, *', 'gzip'],
  ['*;q=0, gzip', 'gzip'],
  ['*;q=0, identity', 'identity'],
  ['identity', 'identity'],
  ['identity;q=1, br;q=0.5', 'identity'],
  ['identity;q=0.5, gzip;q=0.5', 'gzip'],
  ['identity;q=0', undefined],
  ['identity;q=0, gzip', 'gzip'],
  ['br;q=banana', 'identity'],
  ['br;q=2', 'identity'],
  [',,br,', 'br'],
])('of brotli and gzip, %p gets %p', (accepted, encoding) => expect(encodingFor(accepted, ['br', 'gzip'])).toBe(encoding))

test('a validator is compared weakly', () => {
  expect(isKnown('W/"a"', '"a"')).toBe(true)
  expect(isKnown('"a"', 'W/"a"')).toBe(true)
  expect(isKnown('"b, "a"', '"c"')).toBe(false)
  expect(isKnown(null, '"a"')).toBe(false)
})
