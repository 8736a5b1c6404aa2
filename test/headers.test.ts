// What every answer tells browsers, and that the pages work under their own policy in a real one.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eventStreams } from '../src/http/event-stream.ts'
import { logStream } from '../src/logs/stream.ts'
import { createLogRing } from '../src/telemetry/logs.ts'
import { hasBrowser, visit } from './browser.ts'
import { anyDatabase } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'

const HTML = { accept: 'text/html' }
let server: TestServer
let behindTls: TestServer

let takesNothing: ReadableStreamDefaultReader // from the start, as it takes 15 s to be cut off
beforeAll(async () => {
  const ring = createLogRing()
  takesNothing = eventStreams().open(logStream(ring, {})).body!.getReader()
  takesNothing.closed.catch(() => {})
  for (let line = 0; line < 2_000; line++) ring.write(JSON.stringify({ level: 'info', time: '', message: `line ${line}` }))
  server = await serveOn(anyDatabase)
  behindTls = await serveOn(anyDatabase, {
    ADMIN_TOKEN: 'headers-operators-token',
    HSTS_MAX_AGE: '31536000',
    PUBLIC_URL: 'https://go.example.com',
  })
  for (const one of [server, behindTls])
    await one.post('/urls', { original_url: 'https://example.com/', short_code: 'known', title: '<script>alert(1)</script>' })
})
afterAll(() => Promise.all([server.stop(), behindTls.stop()]))

/** Every kind of answer there is. */
const ANSWERS: [name: string, path: string, headers?: Record<string, string>][] = [
  ['a list', '/urls'],
  ['a row', '/urls/1'],
  ['statistics', '/urls/known/stats'],
  ['metrics', '/metrics'],
  ['metrics as JSON', '/metrics', { accept: 'application/json' }],
  ['the log', '/logs'],
  ['health', '/health'],
  ['the OpenAPI document', '/openapi.json'],
  ['an unknown page', '/nothing/here'],
  ['an unknown code', '/nothing'],
  ['an unknown code, for a person', '/nothing', HTML],
  ['a wrong filter', '/urls?user_id=x'],
  ['a preview', '/known+'],
  ['a preview, for a person', '/known+', HTML],
  ['the console', '/console', HTML],
  ['a page inside the console', '/console/links', HTML],
  ['the API reference', '/swagger', HTML],
  ['a script', '/console/console.js'],
  ['a style', '/swagger/swagger-ui.css'],
  ['a missing asset', '/console/missing.js'],
  ['the icon', '/favicon.ico'],
  ['robots.txt', '/robots.txt'],
  ['the description for address bars', '/opensearch.xml'],
  ['the manifest', '/console/manifest.webmanifest'],
  ['the way to the console', '/'],
]

describe('every answer', () => {
  test.each(ANSWERS.map(([name, path, extra = {}]) => ({ name, path, extra })))('$name', async ({ path, extra }) => {
    const { headers } = await server.get(path, extra)
    const policy = headers.get('content-security-policy') ?? ''
    expect({
      type: headers.get('x-content-type-options'),
      referrer: headers.get('referrer-policy'),
      framed: /frame-ancestors 'none'/.test(policy),
      byDefault: /default-src 'none'/.test(policy),
      unsafe: /unsafe|\*|https?:/.test(policy),
      kept: /no-store|no-cache/.test(headers.get('cache-control') ?? ''),
      hsts: headers.get('strict-transport-security'),
    }).toEqual({
      type: 'nosniff',
      referrer: 'no-referrer',
      framed: true,
      byDefault: true,
      unsafe: false,
      kept: true,
      hsts: null,
    })
  })

  test('what changes with each reading, and every error, is kept nowhere', async () => {
    for (const path of ['/metrics', '/nothing', '/urls?user_id=x', '/known'])
      expect([path, (await server.get(path)).headers.get('cache-control')]).toEqual([path, expect.stringContaining('no-store')])
  })
})

describe('HSTS_MAX_AGE', () => {
  test.each(['/known', '/urls', '/nothing', '/console', '/health'])('is sent at %s for requests over TLS', async (path) => {
    const told = async (extra?: Record<string, string>) =>
      (await behindTls.get(path, extra)).headers.get('strict-transport-security')
    expect(await told()).toBe('max-age=31536000') // so says PUBLIC_URL
    expect(await told({ 'x-forwarded-proto': 'https' })).toBe('max-age=31536000')
    expect(await told({ 'x-forwarded-proto': 'http' })).toBeNull()
  })
})

describe.skipIf(!hasBrowser)('in a browser', () => {
  test.each([
    ['/console', '#console *'],
    ['/swagger', '#docs .opblock'],
    ['/known+', 'main h1'],
    ['/nothing', 'main h1'],
  ])('%s breaks nothing of its own policy', async (path, full) => {
    const seen = await visit(server.base)
    try {
      await seen.page.goto(path, { waitUntil: 'load' })
      await seen.page.waitForSelector(full)
      if (path === '/nothing') expect(seen.forgive(404)).toBe(1)
      expect(seen.complaints).toEqual([])
      const injected = await seen.page.evaluate(() => {
        const script = document.createElement('script')
        script.textContent = 'globalThis.ran = true'
        document.body.append(script)
        return 'ran' in globalThis
      })
      expect(injected).toBe(false)
    } finally {
      await seen.close()
    }
  })
})

describe('followers of the log', () => {
  test('one that takes nothing is cut off', async () => {
    await expect(takesNothing.closed).rejects.toThrow('stuck')
  })

  test('are a hundred at most', async () => {
    const ring = createLogRing()
    const streams = eventStreams()
    const follow = () => streams.open(logStream(ring, {}))
    const followers = Array.from({ length: 100 }, follow)
    expect(follow).toThrow('too many')
    await followers[0]!.body!.cancel()
    await Bun.sleep(50) // a stream hears of it a turn later
    await follow().body!.cancel()
    for (const follower of followers.slice(1)) await follower.body!.cancel()
  })
})
